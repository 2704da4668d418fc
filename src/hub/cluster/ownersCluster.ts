// What the owner's commands do with a cluster: they speak to its servers directly, and sign with the owner's key, which no hub has.

import { splitHostPort } from '../../base/hostPort.ts';
import { quote, UserError } from '../../base/userError.ts';
import {
  clusterKeyOf,
  type HubList,
  HubListError,
  type ListedHub,
  openHubList,
  signHubList,
} from '../../cluster/hubList.ts';
import { isRevoked } from '../../cluster/merge.ts';
import { HUBS_KEY, META_KEY, type PresenceRecord, readRecord } from '../../cluster/records.ts';
import { nodeIdOf } from '../../noise/nodeId.ts';
import type { ClusterOptions } from './clusterOptions.ts';
import { connectNats } from './natsConnection.ts';
import { type Buckets, makeBuckets, openBuckets } from './recordStore.ts';

export interface HubOfCluster {
  readonly id: string;
  readonly name: string;
  readonly publicKey: string;
  readonly address: string;
  /** In the signed list: devices dial it. */
  readonly isListed: boolean;
  /** It has said so within the last seconds. */
  readonly isThere: boolean;
  /** null as all below: it is not there. */
  readonly version: string | null;
  readonly connected: number | null;
  /** Changes that it has not taken over. */
  readonly behind: number | null;
  /** Whether it has taken over every revocation. */
  readonly hasRevocations: boolean | null;
}

export interface ClusterStatus {
  readonly name: string;
  readonly key: string;
  /** Of the signed list; 0: there is none. */
  readonly list: number;
  readonly perDevice: number | null;
  readonly revision: number;
  readonly devices: number;
  readonly hubs: readonly HubOfCluster[];
}

/** Of the list that is there. */
interface KeptList {
  readonly list: HubList;
  readonly revision: number;
}

/** Rejects with UserError, ClusterAway among others. */
export async function withBuckets<T>(
  options: ClusterOptions,
  work: (buckets: Buckets) => Promise<T>,
): Promise<T> {
  const nats = await connectNats(options, 'restunnel cluster');
  try {
    return await work(await openBuckets(nats, options.name));
  } finally {
    await nats.close();
  }
}

/** `seed`: of the owner's key. Rejects with UserError when there is such a cluster. */
export async function createCluster(
  options: ClusterOptions,
  replicas: number,
  seed: Uint8Array,
): Promise<string> {
  const { name } = options;
  const { publicKey, secretKey } = clusterKeyOf(seed);
  const key = Buffer.from(publicKey).toString('base64url');
  const nats = await connectNats(options, 'restunnel cluster');
  try {
    const buckets = await makeBuckets(nats, name, replicas);
    if ((await buckets.state.create('meta', META_KEY, { name, key })) === null) {
      const meta = await buckets.state.read('meta', META_KEY);
      if (meta?.record.key !== key)
        throw new UserError(`there is a cluster ${name} on these servers already`);
    }
    await buckets.state.createBytes(
      HUBS_KEY,
      signHubList({ cluster: name, number: 1, perDevice: null, hubs: [] }, secretKey),
    );
    return key;
  } finally {
    secretKey.fill(0);
    await nats.close();
  }
}

/** The public key, as everybody else sees it. Rejects with UserError when there is no such cluster. */
export async function readMeta({ state }: Buckets, name: string): Promise<string> {
  const meta = await state.read('meta', META_KEY);
  if (meta === null) {
    throw new UserError(
      `there is no cluster ${name} on these servers; make one with: restunnel cluster create ${name}`,
    );
  }
  return meta.record.key;
}

async function readList({ state }: Buckets, key: string): Promise<KeptList | null> {
  const kept = await state.readBytes(HUBS_KEY);
  if (kept === null) return null;
  try {
    return { list: openHubList(kept.record, fromBase64url(key)), revision: kept.revision };
  } catch (error) {
    if (error instanceof HubListError)
      throw new UserError(`the cluster's list of hubs is wrong: ${error.message}`);
    throw error;
  }
}

/** A new list, signed. `change` gets the hubs of the old one. Rejects with UserError. */
export async function changeList(
  options: ClusterOptions,
  seed: Uint8Array,
  change: (hubs: readonly ListedHub[], there: readonly PresenceRecord[]) => readonly ListedHub[],
  perDevice?: number | null,
): Promise<HubList> {
  const { publicKey, secretKey } = clusterKeyOf(seed);
  try {
    return await withBuckets(options, async (buckets) => {
      const key = await readMeta(buckets, options.name);
      if (key !== Buffer.from(publicKey).toString('base64url')) {
        throw new UserError(`this is not the key of the cluster ${options.name}`);
      }
      const kept = await readList(buckets, key);
      const before = kept?.list ?? { cluster: options.name, number: 0, perDevice: null, hubs: [] };
      const list: HubList = {
        cluster: options.name,
        number: before.number + 1,
        perDevice: perDevice === undefined ? before.perDevice : perDevice,
        hubs: change(before.hubs, await presences(buckets)),
      };
      const signed = signedList(list, secretKey);
      const revision =
        kept === null
          ? await buckets.state.createBytes(HUBS_KEY, signed)
          : await buckets.state.updateBytes(HUBS_KEY, signed, kept.revision);
      if (revision === null) throw new UserError('somebody else has changed the list meanwhile: try again');
      return list;
    });
  } finally {
    secretKey.fill(0);
  }
}

function signedList(list: HubList, secretKey: Uint8Array): Uint8Array {
  try {
    return signHubList(list, secretKey);
  } catch (error) {
    if (error instanceof HubListError) throw new UserError(error.message);
    throw error;
  }
}

/** `hub`: its id, name or key. `name`: what the list calls it. */
export function withHub(
  hubs: readonly ListedHub[],
  there: readonly PresenceRecord[],
  hub: string,
  name: string | null,
): ListedHub[] {
  const found = there.filter((one) => [one.name, one.publicKey, idOf(one.publicKey)].includes(hub));
  const [chosen, ...more] = found;
  if (chosen === undefined) {
    throw new UserError(
      `no hub ${quote(hub)} is in the cluster now; start it with --cluster first, and see: restunnel cluster status`,
    );
  }
  if (more.length > 0) {
    throw new UserError(
      `several hubs are called ${hub}; give the id of one: ${found.map((one) => idOf(one.publicKey)).join(', ')}`,
    );
  }
  const address = splitHostPort(chosen.address);
  if (address === null)
    throw new UserError(`the hub ${hub} does not say where devices reach it: give it --public-host`);
  const { publicKey } = chosen;
  const others = hubs.filter((one) => one.publicKey !== publicKey);
  const called =
    name ?? hubs.find((one) => one.publicKey === publicKey)?.name ?? freeName(chosen.name, others);
  if (others.some((one) => one.name === called))
    throw new UserError(`another hub of the list is called ${called}`);
  return [...others, { name: called, ...address, publicKey }];
}

function freeName(wish: string, others: readonly ListedHub[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wish : `${wish}-${number}`;
    if (!others.some((other) => other.name === name)) return name;
  }
}

/** `hub`: its id, name or key. */
export function withoutHub(hubs: readonly ListedHub[], hub: string): ListedHub[] {
  const left = hubs.filter(({ name, publicKey }) => ![name, publicKey, idOf(publicKey)].includes(hub));
  if (left.length === hubs.length) throw new UserError(`the list has no hub ${quote(hub)}`);
  return left;
}

async function presences({ presence }: Buckets): Promise<PresenceRecord[]> {
  const entries = await presence.all('>');
  return entries.flatMap(({ value }) => {
    const read = value === null ? null : readRecord('presence', value);
    return read?.state === 'good' ? [read.record] : [];
  });
}

export async function clusterStatus(options: ClusterOptions): Promise<ClusterStatus> {
  return withBuckets(options, async (buckets) => {
    const key = await readMeta(buckets, options.name);
    const [kept, there, { lastRevision }, nodes] = [
      await readList(buckets, key),
      await presences(buckets),
      await buckets.state.state(),
      await buckets.state.all('node.*'),
    ];
    let devices = 0;
    let newestRevocation = 0;
    for (const { value, revision } of nodes) {
      const read = value === null ? null : readRecord('node', value);
      if (read?.state !== 'good') continue;
      if (!isRevoked(read.record)) devices++;
      else newestRevocation = Math.max(newestRevocation, revision);
    }
    const listed = kept?.list.hubs ?? [];
    const keys = new Set([...listed, ...there].map(({ publicKey }) => publicKey));
    const hubs = [...keys].map((publicKey): HubOfCluster => {
      const entry = listed.find((hub) => hub.publicKey === publicKey) ?? null;
      const said = there.find((hub) => hub.publicKey === publicKey) ?? null;
      return {
        id: idOf(publicKey),
        name: entry?.name ?? said?.name ?? '',
        publicKey,
        address: said?.address ?? (entry === null ? '' : `${entry.host}:${entry.port}`),
        isListed: entry !== null,
        isThere: said !== null,
        version: said?.version ?? null,
        connected: said?.connected ?? null,
        behind: said === null ? null : Math.max(0, lastRevision - said.appliedRevision),
        hasRevocations: said === null ? null : said.appliedRevision >= newestRevocation,
      };
    });
    hubs.sort((one, other) => (one.name < other.name ? -1 : 1));
    const { number: list, perDevice } = kept?.list ?? { number: 0, perDevice: null };
    return { name: options.name, key, list, perDevice, revision: lastRevision, devices, hubs };
  });
}

export function idOf(publicKey: string): string {
  return nodeIdOf(fromBase64url(publicKey));
}

function fromBase64url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
