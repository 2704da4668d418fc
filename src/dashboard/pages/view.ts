// What a view is to app.ts, which shows it.

import type { HubState } from './hubState.ts';

export interface View {
  /** The document's title, and what a screen reader says first. */
  readonly title: string;
  readonly root: HTMLElement;
  /** Ends its timers and listeners. */
  close(): void;
}

export type OpenView = (hub: HubState, argument: string) => View;
