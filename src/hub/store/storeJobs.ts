// What the hub asks its store, by name: each job runs as a whole, one after the other, where the database is.

import type { EventQuery, NodeSettings, Traffic } from '../../model/fleet.ts';
import type { UserLimits } from '../../model/userAccounts.ts';
import type { Rows } from '../traffic/rollup.ts';
import type { ClusterBatch, TakenToken, Unpublished } from './clusterTable.ts';
import type { LastEvent } from './eventTable.ts';
import type { SeenNetwork } from './networkTable.ts';
import type { AdmitRequest, Doings, Store } from './store.ts';
import type { StoredNode } from './storedNode.ts';
import type { StoredUser } from './userTable.ts';

/** What the hub keeps in memory of it. */
export interface StoreContents {
  readonly nodes: readonly StoredNode[];
  /** By node id; nodes about which nothing was decided are absent. */
  readonly settings: ReadonlyMap<string, NodeSettings>;
  readonly users: readonly StoredUser[];
  readonly lastEvent: LastEvent;
  /** What each node moved in the month and on the day that were asked for. */
  readonly sums: Sums;
  /** Longest ago first. */
  readonly networks: readonly SeenNetwork[];
}

export type Sums = ReadonlyMap<string, { readonly month: Traffic; readonly today: Traffic }>;

export const STORE_JOBS = {
  /** `month`: "2026-02"; `day`: "2026-02-28". */
  load: (store: Store, month: string, day: string): StoreContents => ({
    nodes: store.listNodes(),
    settings: store.settings.all(),
    users: store.users.all(),
    lastEvent: store.events.last(),
    sums: store.history.sums(month, day),
    networks: store.networks.all(),
  }),

  admit: (store: Store, requests: readonly AdmitRequest[]) => store.admitAll(requests),

  createToken: (store: Store, options: Parameters<Store['tokens']['create']>[0]) =>
    store.tokens.create(options),
  cancelToken: (store: Store, token: Uint8Array, nowMs: number) => store.tokens.cancel(token, nowMs),
  findToken: (store: Store, hash: Uint8Array, nodeId: string, nowMs: number) =>
    store.tokens.find(hash, nodeId, nowMs),

  changeNode: (store: Store, id: string, change: { name?: string; settings?: NodeSettings }) =>
    store.changeNode(id, change),
  revokeNode: (store: Store, id: string, nowMs: number) => store.revokeNode(id, nowMs),
  revokeInMemory: (store: Store, id: string, nowMs: number) => store.revokeInMemory(id, nowMs),

  addUser: (store: Store, name: string, hash: string, limits: UserLimits, nowMs: number) =>
    store.users.add(name, hash, limits, nowMs),
  changeUser: (
    store: Store,
    name: string,
    change: { hash?: string; limits?: Partial<UserLimits> },
    nowMs: number,
  ) => store.users.change(name, change, nowMs),
  removeUser: (store: Store, name: string) => store.users.remove(name),

  membership: (store: Store) => store.cluster.membership(),
  joinCluster: (store: Store, name: string, key: Uint8Array, nowMs: number) =>
    store.cluster.join(name, key, nowMs),
  leaveCluster: (store: Store) => store.cluster.leave(),
  agreed: (store: Store, atMs: number) => store.cluster.agreed(atMs),
  keepHubs: (store: Store, signed: Uint8Array) => store.cluster.keepHubs(signed),
  applyCluster: (store: Store, batch: ClusterBatch) => store.applyCluster(batch),
  outbox: (store: Store) => store.cluster.outbox(),
  revokeForCluster: (store: Store, nodeId: string, nowMs: number) => store.revokeForCluster(nodeId, nowMs),
  published: (store: Store, revocation: Unpublished) => store.cluster.published(revocation),
  enrolments: (store: Store) => store.cluster.enrolments(),
  takeToken: (store: Store, token: TakenToken) => store.cluster.takeToken(token),

  record: (store: Store, doings: Doings) => store.record(doings),
  readEvents: (store: Store, query: EventQuery) => store.events.read(query),

  writeNetworks: (store: Store, networks: readonly SeenNetwork[], sinceMs: number, max: number) =>
    store.networks.write(networks, sinceMs, max),

  writeHistory: (store: Store, rows: Rows) => store.history.write(rows),
  writeDays: (store: Store, days: Rows['days']) => store.history.writeDays(days),
  thinHistory: (store: Store, nowMs: number, day: string, max: number) => store.history.thin(nowMs, day, max),
  boundHistory: (store: Store, rowsMax: { minutes: number; hours: number; days: number }) =>
    store.history.bound(rowsMax),
  sums: (store: Store, month: string, day: string): Sums => store.history.sums(month, day),
  steps: (
    store: Store,
    nodeId: string,
    from: 'minutes' | 'hours',
    fromMs: number,
    untilMs: number,
    stepMs: number,
  ) => store.history.steps(nodeId, from, fromMs, untilMs, stepMs),

  fillReserve: (store: Store) => store.reserve.fill(),
  useReserve: (store: Store) => store.reserve.use(),

  backup: (store: Store) => store.backups.make(),
} as const;

type Jobs = typeof STORE_JOBS;
export type StoreJob = keyof Jobs;
export type JobInput<Job extends StoreJob> = Jobs[Job] extends (
  store: Store,
  ...input: infer Input
) => unknown
  ? Input
  : never;
export type JobResult<Job extends StoreJob> = Awaited<ReturnType<Jobs[Job]>>;

export function runJob<Job extends StoreJob>(
  store: Store,
  job: Job,
  input: JobInput<Job>,
): ReturnType<Jobs[Job]> {
  const run = STORE_JOBS[job] as unknown as (store: Store, ...input: JobInput<Job>) => ReturnType<Jobs[Job]>;
  return run(store, ...input);
}
