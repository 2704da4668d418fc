// Rates and numbers of streams that the hubs of a cluster share: says what this hub uses, hears what the others use, and computes this hub's
// share of each limit.

import { rateShare, streamShare } from '../../cluster/shares.ts';
import { HUB_LIST, SHARES } from '../../limits/cluster.ts';
import type { NodeSettings } from '../../model/fleet.ts';

/** What one hub uses of limits that are shared: of nodes by id, of users by name. */
export interface Uses {
  readonly hub: string;
  readonly nodes: Readonly<Record<string, NodeUse>>;
  /** Streams that are open. */
  readonly users: Readonly<Record<string, number>>;
}

export interface NodeUse {
  /** The faster of both directions. */
  readonly bytesPerSecond: number;
  readonly streams: number;
}

interface Heard {
  readonly uses: Uses;
  readonly atMs: number;
}

export class ShareKeeper {
  readonly #hub: string;
  /** Of the other hubs, by their ids. */
  readonly #heard = new Map<string, Heard>();
  #own: Uses;
  /** This hub cannot reach the others: what they said last goes on to count. */
  isCutOff = false;

  constructor(hub: string) {
    this.#hub = hub;
    this.#own = { hub, nodes: {}, users: {} };
  }

  /** What this hub uses now; to be published. */
  say(nodes: Uses['nodes'], users: Uses['users']): Uses {
    this.#own = { hub: this.#hub, nodes, users };
    return this.#own;
  }

  hear(uses: Uses, nowMs: number): void {
    if (uses.hub === this.#hub) return;
    if (!this.#heard.has(uses.hub) && this.#heard.size >= HUB_LIST.hubsMax) return;
    this.#heard.set(uses.hub, { uses, atMs: nowMs });
  }

  /** Once a second: a hub that has not spoken for a while is gone. */
  forgetSilent(nowMs: number): void {
    if (this.isCutOff) return;
    for (const [hub, { atMs }] of this.#heard) if (nowMs - atMs > SHARES.hubSilentMs) this.#heard.delete(hub);
  }

  /**
   * The settings with this hub's share of the rate and the streams. A quota is not divided here.
   * @param alsoAt ids of other hubs that have the node: they have a share before they have said what they use
   */
  here(nodeId: string, settings: NodeSettings, alsoAt: readonly string[] = []): NodeSettings {
    const { mbitPerSecond, streams } = settings.limits;
    if (mbitPerSecond === null && streams === null) return settings;
    const uses = this.#usesOf((from) => ownOf(from.nodes, nodeId));
    for (const hub of [this.#hub, ...alsoAt]) if (!uses.has(hub)) uses.set(hub, NO_USE);
    const own = uses.get(this.#hub)!;
    if (uses.size < 2) return settings;
    const rates = [...uses.values()].map(({ bytesPerSecond }) => bytesPerSecond / BYTES_PER_MBIT);
    const rate =
      mbitPerSecond === null ? null : rateShare(mbitPerSecond, own.bytesPerSecond / BYTES_PER_MBIT, rates);
    const open = new Map([...uses].map(([hub, use]) => [hub, use.streams]));
    return {
      ...settings,
      limits: {
        ...settings.limits,
        mbitPerSecond: rate,
        streams: streams === null ? null : streamShare(streams, this.#hub, open),
      },
    };
  }

  /** Of users with a limit: how many streams each may have here. Those whom only this hub serves are absent. */
  userShares(limits: ReadonlyMap<string, number>): Map<string, number> {
    const shares = new Map<string, number>();
    for (const [name, limit] of limits) {
      const uses = this.#usesOf((from) => ownOf(from.users, name));
      if (!uses.has(this.#hub)) uses.set(this.#hub, 0);
      if (uses.size > 1) shares.set(name, streamShare(limit, this.#hub, uses));
    }
    return shares;
  }

  /** By hub, this one included if it says something. */
  #usesOf<Use>(of: (uses: Uses) => Use | undefined): Map<string, Use> {
    const found = new Map<string, Use>();
    for (const uses of [this.#own, ...[...this.#heard.values()].map((heard) => heard.uses)]) {
      const use = of(uses);
      if (use !== undefined) found.set(uses.hub, use);
    }
    return found;
  }
}

/** A user may be called `constructor`, which every object has. */
function ownOf<Use>(uses: Readonly<Record<string, Use>>, key: string): Use | undefined {
  return Object.hasOwn(uses, key) ? uses[key] : undefined;
}

const BYTES_PER_MBIT = 125_000;
const NO_USE: NodeUse = { bytesPerSecond: 0, streams: 0 };
