// Everyone who watches the fleet, and what each knows already: once a second they hear what has changed.

import { EVENTS } from '../../limits/ownerBounds.ts';
import type { EventRecord, LiveTick, NodeView } from '../../model/fleet.ts';
import type { Events } from './eventLog.ts';
import { showsSame } from './nodeView.ts';

/** What a tick is made of. */
export interface WatchSource {
  /** All nodes. */
  views(): NodeView[];
  /** null: there is no such node. */
  view(nodeId: string): NodeView | null;
  live(): LiveTick['hub'];
}

export class FleetWatch {
  readonly #source: WatchSource;
  readonly #events: Events;
  readonly #watchers = new Set<(tick: LiveTick) => void>();
  /** As the watchers know them. */
  readonly #shown = new Map<string, NodeView>();
  #eventShown = 0;

  constructor(source: WatchSource, events: Events) {
    this.#source = source;
    this.#events = events;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** The function returned ends it. */
  add(listener: (tick: LiveTick) => void): () => void {
    if (!this.isWatched) {
      // A new watcher asks for what came before by other means.
      this.#shown.clear();
      for (const view of this.#source.views()) this.#shown.set(view.id, view);
      this.#eventShown = this.#events.lastNumber;
    }
    // A function of its own, so that who watches twice ends twice.
    const watcher = (tick: LiveTick) => listener(tick);
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /** `changed`: nodes whose view may have changed. */
  tell(changed: Iterable<string>, wallMs: number): void {
    if (!this.isWatched) return;
    const nodes: NodeView[] = [];
    for (const nodeId of changed) {
      const view = this.#source.view(nodeId);
      const shown = this.#shown.get(nodeId);
      if (view === null || (shown !== undefined && showsSame(shown, view))) continue;
      this.#shown.set(nodeId, view);
      nodes.push(view);
    }
    const events = this.#newEvents();
    const tick = { at: new Date(wallMs).toISOString(), hub: this.#source.live(), nodes, events };
    for (const watcher of [...this.#watchers]) watcher(tick);
  }

  end(): void {
    this.#watchers.clear();
  }

  /** Oldest first. */
  #newEvents(): readonly EventRecord[] {
    const after = this.#eventShown;
    if (this.#events.lastNumber === after) return [];
    this.#eventShown = this.#events.lastNumber;
    return this.#events.latest(after, EVENTS.perTickMax);
  }
}
