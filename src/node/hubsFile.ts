// The hubs that a node serves: <data-dir>/node.json, mode 0600 (it may hold a one-time token). Only one process opens it at a time; a
// change blocks for an fsync.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomicSync } from '../base/atomicFile.ts';
import { UserError } from '../base/userError.ts';
import type { HubList, ListedHub } from '../cluster/hubList.ts';
import { HUB_LIST } from '../limits/cluster.ts';
import { NODE } from '../limits/node.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { PairingLink } from '../model/pairingLink.ts';
import { isSameWay, type Way } from '../model/way.ts';
import { type FollowedCluster, type HubRecord, type HubRecords, parseHubs, VERSION } from './hubRecords.ts';

export const HUBS_FILE_NAME = 'node.json';

export class HubsFile {
  readonly path: string;
  readonly #tell: (trouble: string | null) => void;
  #hubs: readonly HubRecord[];
  #clusters: readonly FollowedCluster[];
  /** The device's public key, base64url, by which those hubs know it; null: written before it was named here. */
  #deviceKey: string | null;
  #isWell = true;

  /**
   * Reads the file; none is an empty list, and none is made.
   * @param tell hears why what is learned while running cannot be written (it is kept in memory then), and null when it can be again
   * @throws UserError when it can't be read or is damaged. It is left as it is.
   */
  constructor(dataDir: string, tell: (trouble: string | null) => void = () => {}) {
    this.path = join(dataDir, HUBS_FILE_NAME);
    this.#tell = tell;
    ({ hubs: this.#hubs, deviceKey: this.#deviceKey, clusters: this.#clusters } = readHubs(this.path));
  }

  get hubs(): readonly HubRecord[] {
    return this.#hubs;
  }

  get deviceKey(): string | null {
    return this.#deviceKey;
  }

  /** The hubs know this device by this key from now on. */
  nameKey(deviceKey: string): void {
    if (this.#deviceKey === deviceKey) return;
    this.#deviceKey = deviceKey;
    if (this.#hubs.length > 0) this.#keep(this.#hubs);
  }

  /** No hub knows this device any more: its key is gone. */
  forgetEnrolments(): void {
    this.#keep(this.#hubs.map((hub) => ({ ...hub, nodeId: null })));
  }

  get(publicKey: string): HubRecord {
    const hub = this.#hubs.find((each) => each.publicKey === publicKey);
    if (hub === undefined) throw new Error('no such hub on the list');
    return hub;
  }

  /**
   * Puts the hub of a pairing link on the list. A hub known already gets the link's address, token and name but keeps its nodeId and
   * timestamp: a service started each time with the same --pair must not lose its enrolment to a burnt token. The address takes the place
   * of the one of its kind: a hub has one for TCP and one for a WebSocket. A link with the key of a cluster makes the device follow it; one
   * without leaves what the hub was.
   */
  pair(link: PairingLink, name: string): HubRecord {
    const publicKey = base64url(link.hubPublicKey, PROTOCOL.keyBytes);
    const known = this.#hubs.find((hub) => hub.publicKey === publicKey);
    const hub: HubRecord = {
      ...pairedBy(known ?? { ways: [], lastWay: 0 }, link),
      publicKey,
      nodeId: known?.nodeId ?? null,
      token: base64url(link.token, PROTOCOL.tokenBytes),
      name,
      lastTimestamp: known?.lastTimestamp ?? null,
      cluster: link.clusterKey === undefined ? (known?.cluster ?? null) : this.#follow(link.clusterKey),
    };
    if (known !== undefined) {
      this.#keep(this.#hubs.map((other) => (other === known ? hub : other)));
    } else {
      if (this.#hubs.length >= NODE.hubsMax) {
        throw new UserError(`${this.path} lists ${NODE.hubsMax} hubs already; forget one of them first`);
      }
      this.#save([...this.#hubs, hub]);
    }
    return hub;
  }

  /** The hub accepted this node: its token is burnt. */
  enrolled(publicKey: string, nodeId: string): void {
    this.#change(publicKey, { nodeId, token: null });
  }

  /** This way has led to the hub. */
  workedBy(publicKey: string, way: Way): void {
    const { ways, lastWay } = this.get(publicKey);
    const at = ways.findIndex((each) => isSameWay(each, way));
    if (at >= 0 && at !== lastWay) this.#change(publicKey, { lastWay: at });
  }

  // --- Clusters ---------------------------------------------------------------------------------------------------------------------

  /** The newest list of the link's cluster has no such hub: it was thrown out, or has left. */
  isOffList({ hubPublicKey, clusterKey }: PairingLink): boolean {
    if (clusterKey === undefined) return false;
    const list = this.cluster(base64url(clusterKey, PROTOCOL.keyBytes))?.list ?? null;
    const publicKey = base64url(hubPublicKey, PROTOCOL.keyBytes);
    return list !== null && !list.hubs.some((hub) => hub.publicKey === publicKey);
  }

  get clusters(): readonly FollowedCluster[] {
    return this.#clusters;
  }

  /** null: this device does not follow it. */
  cluster(key: string): FollowedCluster | null {
    return this.#clusters.find((cluster) => cluster.key === key) ?? null;
  }

  /** Written with the next change. Throws UserError. */
  #follow(clusterKey: Uint8Array): string {
    const key = base64url(clusterKey, PROTOCOL.keyBytes);
    if (this.cluster(key) !== null) return key;
    if (this.#clusters.length >= HUB_LIST.followedMax) {
      throw new UserError(
        `this device follows ${HUB_LIST.followedMax} clusters already; forget a hub of one first`,
      );
    }
    this.#clusters = [...this.#clusters, { key, list: null, signed: null }];
    return key;
  }

  /** By the owner's word on the device: this hub is one of the cluster's, or (null) of none. Throws UserError. */
  setCluster(publicKey: string, clusterKey: Uint8Array | null): void {
    const cluster = clusterKey === null ? null : this.#follow(clusterKey);
    this.#save(this.#hubs.map((hub) => (hub.publicKey === publicKey ? { ...hub, cluster } : hub)));
  }

  /** A newer list of a cluster that this device follows. */
  setList(key: string, list: HubList, signed: Uint8Array): void {
    const followed = { key, list, signed: Buffer.from(signed).toString('base64url') };
    this.#clusters = this.#clusters.map((cluster) => (cluster.key === key ? followed : cluster));
    this.#keep(this.#hubs);
  }

  /** A hub of a list, where this device is known as `nodeId`. False when there is no room for one more. */
  addListed(
    { host, port, publicKey }: ListedHub,
    facts: { cluster: string; nodeId: string; name: string },
  ): boolean {
    if (this.#hubs.length >= NODE.hubsMax) return false;
    const ways = { ways: [{ host, port }], lastWay: 0 };
    const hub = { host, port, ...ways, publicKey, ...facts, token: null, lastTimestamp: null };
    this.#keep([...this.#hubs, hub]);
    return true;
  }

  /** A list names the hub's own port: a web server in front of it stays where it was. */
  move({ host, port, publicKey }: ListedHub): void {
    const known = this.get(publicKey);
    this.#change(publicKey, movedTo(known, { host, port }));
  }

  /** As forget(), but a full disk does not matter: the list says so again at the next start. */
  leave(publicKey: string): void {
    this.#keep(this.#hubs.filter((hub) => hub.publicKey !== publicKey));
  }

  /** To be called before the first message with that timestamp (12 bytes) leaves. */
  setLastTimestamp(publicKey: string, timestamp: Uint8Array): void {
    this.#change(publicKey, { lastTimestamp: base64url(timestamp, PROTOCOL.timestampBytes) });
  }

  /** False: no such hub. */
  forget(publicKey: string): boolean {
    const rest = this.#hubs.filter((hub) => hub.publicKey !== publicKey);
    if (rest.length === this.#hubs.length) return false;
    this.#save(rest);
    return true;
  }

  #change(publicKey: string, change: Partial<HubRecord>): void {
    const changed = { ...this.get(publicKey), ...change };
    this.#keep(this.#hubs.map((hub) => (hub.publicKey === publicKey ? changed : hub)));
  }

  /** A full disk does not keep a node from its hubs: then only memory holds what changed. */
  #keep(hubs: readonly HubRecord[]): void {
    let trouble: string | null = null;
    try {
      this.#save(hubs);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      trouble = error.message;
      this.#hubs = hubs;
    }
    if ((trouble === null) === this.#isWell) return;
    this.#isWell = trouble === null;
    this.#tell(trouble);
  }

  #save(hubs: readonly HubRecord[]): void {
    const clusters = this.#clusters.map(({ key, signed }) => ({ key, signed }));
    const content = {
      version: VERSION,
      deviceKey: this.#deviceKey,
      hubs,
      ...(clusters.length > 0 ? { clusters } : {}),
    };
    const text = `${JSON.stringify(content, null, 2)}\n`;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      writeFileAtomicSync(this.path, text, 0o600);
    } catch (error) {
      throw new UserError(`cannot write ${this.path}: ${(error as Error).message}`);
    }
    this.#hubs = hubs;
  }
}

function readHubs(path: string): HubRecords {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { hubs: [], deviceKey: null, clusters: [] };
    throw new UserError(`cannot read ${path}: ${(error as Error).message}`);
  }
  return parseHubs(path, text);
}

function withWay(ways: readonly Way[], { host, port, webSocket }: Way): readonly Way[] {
  const added: Way = webSocket === undefined ? { host, port } : { host, port, webSocket };
  const at = ways.findIndex((way) => (way.webSocket === undefined) === (webSocket === undefined));
  if (at < 0) return [...ways, added];
  return ways.map((way, place) => (place === at && !isSameWay(way, added) ? added : way));
}

/** A link with two ways says in which order they are tried. */
function pairedBy(known: Pick<HubRecord, 'ways' | 'lastWay'>, link: PairingLink): ReturnType<typeof movedTo> {
  if (link.otherWay === undefined) return movedTo(known, link);
  const last = known.ways[known.lastWay];
  const ways = withWay(withWay([], link), link.otherWay);
  const lastWay = last === undefined ? -1 : ways.findIndex((way) => isSameWay(way, last));
  return { ...firstAddress(ways), ways, lastWay: Math.max(lastWay, 0) };
}

/** With another way, or another in the place of the one of its kind. */
function movedTo(
  known: Pick<HubRecord, 'ways' | 'lastWay'>,
  way: Way,
): Pick<HubRecord, 'host' | 'port' | 'ways' | 'lastWay'> {
  const ways = withWay(known.ways, way);
  const isKept = ways[known.lastWay] === known.ways[known.lastWay];
  return { ...firstAddress(ways), ways, lastWay: isKept ? known.lastWay : 0 };
}

/** For versions that know of one address alone. */
function firstAddress(ways: readonly Way[]): { host: string; port: number } {
  const { host, port } = ways.find((way) => way.webSocket === undefined) ?? ways[0]!;
  return { host, port };
}

function base64url(bytes: Uint8Array, length: number): string {
  if (bytes.length !== length) throw new Error(`expected ${length} bytes, got ${bytes.length}`);
  return Buffer.from(bytes).toString('base64url');
}
