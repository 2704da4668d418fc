// Follows the lists of a cluster's hubs: puts a list together from its parts, checks it, and has the device dial the hubs that it names.

import type { Logger } from 'pino';
import { HubListError, openHubList } from '../cluster/hubList.ts';
import { type HubListPart, HubListParts } from '../cluster/hubListParts.ts';
import { HUB_LIST } from '../limits/cluster.ts';
import { ENGINE } from '../limits/engine.ts';
import { type HubPlan, planHubs } from './followedHubs.ts';
import type { HubsFile } from './hubsFile.ts';
import type { Lanes } from './lanes.ts';

export interface HubFollowerOptions {
  readonly hubs: HubsFile;
  readonly lanes: Pick<Lanes, 'all' | 'addHub' | 'leaveHub' | 'redialHub'>;
  /** base64url. */
  readonly devicePublicKey: string;
  /** By which hubs know this device. */
  readonly nodeId: string;
  /** What this device calls itself. */
  readonly name: string;
  /** How many hubs of one cluster it dials at most; 0: it follows no list. */
  readonly hubsMax: number;
  readonly log: Logger;
  /** Evenly from [0, 1). */
  readonly random: () => number;
  /** It serves so many hubs now. */
  onHubs(count: number): void;
  /** The hubs are to hear which list this device has. */
  onList(): void;
}

export class HubFollower {
  readonly #options: HubFollowerOptions;
  /** By hub: the parts that it has sent. */
  readonly #parts = new Map<string, HubListParts>();
  /** Hubs that are being left. */
  readonly #leaving = new Set<string>();
  #stopped = false;

  constructor(options: HubFollowerOptions) {
    this.#options = options;
  }

  /** The number of the list that this device has of the hub's cluster, 0 before the first; null: it follows none there. */
  listOf(hub: string): number | null {
    const cluster = this.#clusterOf(hub);
    return cluster === null ? null : (cluster.list?.number ?? 0);
  }

  #clusterOf(publicKey: string): ReturnType<HubsFile['cluster']> {
    const { hubs, hubsMax } = this.#options;
    const key = hubs.hubs.find((hub) => hub.publicKey === publicKey)?.cluster ?? null;
    return key === null || hubsMax === 0 ? null : hubs.cluster(key);
  }

  /** A hub has sent a part of its cluster's list. */
  hear(hub: string, part: HubListPart): void {
    const cluster = this.#clusterOf(hub);
    if (cluster === null || part.number <= (cluster.list?.number ?? 0)) return;
    const parts = this.#parts.get(hub) ?? new HubListParts();
    this.#parts.set(hub, parts);
    const signed = parts.take(part);
    if (signed !== null) this.#take(cluster.key, hub, signed);
  }

  #take(key: string, hub: string, signed: Uint8Array): void {
    const { hubs, log, onList } = this.#options;
    try {
      const list = openHubList(signed, Buffer.from(key, 'base64url'));
      const before = hubs.cluster(key)?.list ?? null;
      // The number beside the parts is the hub's word, this one the owner's.
      if (list.number <= (before?.number ?? 0)) return;
      if (before !== null && before.cluster !== list.cluster) {
        log.warn(
          { hub, cluster: list.cluster },
          'a list of hubs names another cluster than those before; it is ignored',
        );
        return;
      }
      hubs.setList(key, list, signed);
      log.info(
        { cluster: list.cluster, number: list.number, hubs: list.hubs.map(({ name }) => name) },
        'a new list of hubs',
      );
      this.#parts.clear();
      this.look();
      onList();
    } catch (error) {
      if (!(error instanceof HubListError)) throw error;
      log.warn(
        { hub, reason: error.message },
        'a list of hubs does not come from the owner of the cluster; it is ignored',
      );
    }
  }

  /** At the start, and whenever a hub is reached or a list is new. */
  look(): void {
    const { hubs, lanes, devicePublicKey, hubsMax } = this.#options;
    if (hubsMax === 0 || this.#stopped) return;
    const connected = new Set(lanes.all().flatMap((lane) => (lane.isConnected ? [lane.publicKey] : [])));
    for (const { key, list } of hubs.clusters) {
      if (list === null) continue;
      const followed = hubs.hubs
        .filter(({ cluster, publicKey }) => cluster === key && !this.#leaving.has(publicKey))
        .map(({ publicKey, host, port }) => {
          return { publicKey, host, port, isConnected: connected.has(publicKey) };
        });
      const others = new Set(
        hubs.hubs
          .filter(({ cluster, publicKey }) => cluster !== key || this.#leaving.has(publicKey))
          .map(({ publicKey }) => publicKey),
      );
      this.#carryOut(
        key,
        planHubs({ devicePublicKey, list, followed, others, max: hubsMax }),
        connected.size > 0,
      );
    }
  }

  #carryOut(cluster: string, { add, move, leave }: HubPlan, isReachable: boolean): void {
    const { hubs, lanes, nodeId, name, log, random } = this.#options;
    for (const hub of move) {
      hubs.move(hub);
      lanes.redialHub(hub.publicKey, 'the hub is at another address');
    }
    for (const hub of add) {
      if (!hubs.addListed(hub, { cluster, nodeId, name })) {
        log.warn({ hub: hub.name }, 'this device serves as many hubs as it can; it does not dial this one');
        continue;
      }
      this.#told();
      lanes.addHub(hub.publicKey, isReachable ? random() * HUB_LIST.dialSpreadMs : 0);
    }
    for (const publicKey of leave) this.#leave(publicKey);
  }

  #leave(publicKey: string): void {
    const { hubs, lanes } = this.#options;
    this.#leaving.add(publicKey);
    lanes.leaveHub(publicKey, ENGINE.drainMs, 'the list of hubs has it no more', () => {
      this.#leaving.delete(publicKey);
      hubs.leave(publicKey);
      this.#told();
      // A list that has it again may have come meanwhile.
      this.look();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #told(): void {
    this.#options.onHubs(this.#options.hubs.hubs.length);
  }
}
