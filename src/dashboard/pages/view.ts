// What a view is, to main.ts that shows it.

import type { HubState } from './hubState.ts';

export interface View {
  /** Of the document, and what a screen reader says first. */
  readonly title: string;
  readonly root: HTMLElement;
  /** Ends its timers and listeners. */
  close(): void;
}

export type OpenView = (hub: HubState, argument: string) => View;
