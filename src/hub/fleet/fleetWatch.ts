// Everyone who watches the fleet, and what each knows already: once a second they hear what has changed.

import { EVENTS } from '../../limits/owner.ts';
import type { EventRecord, LiveTick, NodeView } from '../../model/fleet.ts';
import type { Events } from './eventLog.ts';
import { showsSame } from './nodeView.ts';

/** What a tick is made of. */
export interface WatchSource {
  /** All nodes. */
  views(): NodeView[];
  /** null: there is no such node. */
  view(nodeId: string): NodeView | null;
  /** Nodes that move by themselves. */
  connected(): Iterable<string>;
  /** Whether a node that nothing was done to has not moved either since it looked like this: far cheaper than its view. */
  isStill(shown: NodeView): boolean;
  live(): LiveTick['hub'];
}

export class FleetWatch {
  readonly #source: WatchSource;
  readonly #events: Events;
  readonly #watchers = new Set<(tick: LiveTick) => void>();
  /** As the watchers know them. */
  readonly #shown = new Map<string, NodeView>();
  /** Those that are gone, and were shown as moving bytes in their last second. */
  #leftMoving = new Set<string>();
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

  /** `changed`: nodes to which something was done. */
  tell(changed: ReadonlySet<string>, wallMs: number): void {
    if (!this.isWatched) return;
    const nodes: NodeView[] = [];
    const left = this.#leftMoving;
    this.#leftMoving = new Set();
    for (const nodeId of new Set([...changed, ...left])) this.#look(nodeId, nodes);
    for (const nodeId of this.#source.connected()) {
      if (changed.has(nodeId)) continue;
      const shown = this.#shown.get(nodeId);
      if (shown === undefined || !this.#source.isStill(shown)) this.#look(nodeId, nodes);
    }
    const events = this.#newEvents();
    const tick = { at: new Date(wallMs).toISOString(), hub: this.#source.live(), nodes, events };
    for (const watcher of [...this.#watchers]) watcher(tick);
  }

  #look(nodeId: string, nodes: NodeView[]): void {
    const view = this.#source.view(nodeId);
    const shown = this.#shown.get(nodeId);
    if (view === null || (shown !== undefined && showsSame(shown, view))) return;
    this.#shown.set(nodeId, view);
    nodes.push(view);
    const isMoving = view.downBytesPerSecond > 0 || view.upBytesPerSecond > 0;
    if (!view.connected && isMoving) this.#leftMoving.add(nodeId);
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
