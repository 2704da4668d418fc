// What node.json says, read field by field: a damaged file is refused with the field that is wrong. Pure.

import { UserError } from '../base/userError.ts';
import { type HubList, openHubList } from '../cluster/hubList.ts';
import { HUB_LIST } from '../limits/cluster.ts';
import { NODE } from '../limits/node.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { isWebPath, type Way } from '../model/way.ts';

export const VERSION = 1;

export interface HubRecord {
  /** Of the first way that is no WebSocket, or of the first. */
  readonly host: string;
  readonly port: number;
  /** At least one, in the order in which they are tried. */
  readonly ways: readonly Way[];
  /** The place of the one that led to the hub last; 0 at first. */
  readonly lastWay: number;
  /** base64url, 32 bytes. A hub is known by this; no two records share one. */
  readonly publicKey: string;
  /** The id that the hub gave this node; null until enrolled. */
  readonly nodeId: string | null;
  /** base64url, 32 bytes: the one-time token of a pairing not yet carried out, else null. */
  readonly token: string | null;
  /** What this node calls itself towards the hub. */
  readonly name: string;
  /** base64url, 12 bytes: the timestamp of the last first message sent. The next must be newer, even if the clock went back. */
  readonly lastTimestamp: string | null;
  /** base64url: the key of the cluster whose lists say where this hub is, and whether it is served at all; null: only its link does. */
  readonly cluster: string | null;
}

/** A cluster whose lists of hubs this device follows. */
export interface FollowedCluster {
  /** base64url: its owner signs with it. */
  readonly key: string;
  /** The newest list; null before the first. */
  readonly list: HubList | null;
  /** The same as it was signed, base64url. */
  readonly signed: string | null;
}

export interface HubRecords {
  readonly hubs: readonly HubRecord[];
  readonly deviceKey: string | null;
  readonly clusters: readonly FollowedCluster[];
}

/** Throws UserError, which names `path`, when the text of the file is damaged. */
export function parseHubs(path: string, text: string): HubRecords {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw damaged(path, 'it is not JSON');
  }
  if (!isObject(content)) throw damaged(path, 'it holds no object');
  if (typeof content.version === 'number' && content.version > VERSION) {
    throw new UserError(`${path} was written by a newer version of restunnel`);
  }
  if (content.version !== VERSION) throw damaged(path, 'its version is missing');
  if (!Array.isArray(content.hubs) || content.hubs.length > NODE.hubsMax) {
    throw damaged(path, 'its list of hubs is missing or too long');
  }
  const hubs = content.hubs.map((hub: unknown, index) => readHub(path, hub, index));
  if (new Set(hubs.map((hub) => hub.publicKey)).size < hubs.length) {
    throw damaged(path, 'it lists one hub twice');
  }
  const { deviceKey = null } = content;
  if (deviceKey !== null && !isBase64url(deviceKey, PROTOCOL.keyBytes)) {
    throw damaged(path, 'it has no valid deviceKey');
  }
  return { hubs, deviceKey, clusters: readClusters(path, content.clusters ?? []) };
}

function readClusters(path: string, value: unknown): FollowedCluster[] {
  const wrong = () => damaged(path, 'its clusters are not what this program writes');
  if (!Array.isArray(value) || value.length > HUB_LIST.followedMax) throw wrong();
  return value.map((cluster: unknown) => {
    if (!isObject(cluster)) throw wrong();
    const { key, signed } = cluster;
    if (!isBase64url(key, PROTOCOL.keyBytes)) throw wrong();
    if (signed === null) return { key, list: null, signed };
    if (typeof signed !== 'string') throw wrong();
    try {
      const list = openHubList(Buffer.from(signed, 'base64url'), Buffer.from(key, 'base64url'));
      return { key, list, signed };
    } catch {
      throw wrong();
    }
  });
}

function readHub(path: string, hub: unknown, index: number): HubRecord {
  const wrong = (field: string) => damaged(path, `hub ${index + 1} has no valid ${field}`);
  if (!isObject(hub)) throw wrong('fields');
  const { host, port, publicKey, nodeId, token, name, lastTimestamp, cluster = null } = hub;
  if (!isHost(host)) throw wrong('host');
  if (!isTcpPort(port)) throw wrong('port');
  const ways = hub.ways === undefined ? [{ host, port }] : readWays(hub.ways);
  if (ways === null) throw wrong('ways');
  const { lastWay = 0 } = hub;
  if (!Number.isInteger(lastWay) || ways[lastWay as number] === undefined) throw wrong('lastWay');
  if (!isBase64url(publicKey, PROTOCOL.keyBytes)) throw wrong('publicKey');
  if (nodeId !== null && (typeof nodeId !== 'string' || nodeId === '')) throw wrong('nodeId');
  if (token !== null && !isBase64url(token, PROTOCOL.tokenBytes)) throw wrong('token');
  if (typeof name !== 'string') throw wrong('name');
  if (lastTimestamp !== null && !isBase64url(lastTimestamp, PROTOCOL.timestampBytes)) {
    throw wrong('lastTimestamp');
  }
  if (cluster !== null && !isBase64url(cluster, PROTOCOL.keyBytes)) throw wrong('cluster');
  const identity = { publicKey, nodeId, token, name, lastTimestamp, cluster };
  return { host, port, ways, lastWay: lastWay as number, ...identity };
}

function isHost(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= PROTOCOL.hostMaxBytes;
}

function isTcpPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && isWebPath(value);
}

/** Null: they are none. */
function readWays(value: unknown): readonly Way[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > NODE.waysMax) return null;
  const ways: Way[] = [];
  for (const way of value as unknown[]) {
    if (!isObject(way) || !isHost(way.host) || !isTcpPort(way.port)) return null;
    const { host, port, webSocket } = way;
    if (webSocket === undefined) ways.push({ host, port });
    else if (isObject(webSocket) && typeof webSocket.secure === 'boolean' && isPath(webSocket.path))
      ways.push({ host, port, webSocket: { secure: webSocket.secure, path: webSocket.path } });
    else return null;
  }
  return ways;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBase64url(value: unknown, bytes: number): value is string {
  if (typeof value !== 'string') return false;
  const decoded = Buffer.from(value, 'base64url');
  return decoded.length === bytes && decoded.toString('base64url') === value;
}

function damaged(path: string, why: string): UserError {
  return new UserError(
    `${path} is damaged (${why}); restore it, or move it away and pair this node with its hubs again`,
  );
}
