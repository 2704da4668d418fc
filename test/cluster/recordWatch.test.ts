// A watch of a bucket goes on when the NATS server dies that it came from, long before the library would notice.

import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBuckets, type RecordStore } from '../../src/hub/cluster/recordStore.ts';
import type { Watch } from '../../src/hub/cluster/recordWatch.ts';
import { needs } from '../require.ts';
import { eventually } from '../system/harness.ts';
import { Nats } from './natsServers.ts';

const need = needs('nats-server');
const BUCKET = 'watched_sticky';
const AGREED_MS = 60_000;
/** The library would take a minute. */
const HEARD_MS = 30_000;

let nats: Nats;

/** Watches until one comes from a server that neither leads the bucket nor is the one that we speak to. Its place. */
async function watchFromAnother(
  store: RecordStore,
  connection: NatsConnection,
): Promise<{ watch: Watch; at: number }> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const leader = nats.servers.indexOf(await nats.leaderOf(BUCKET));
  const ours = nats.servers.findIndex(({ url }) => url.endsWith(connection.getServer()));
  for (;;) {
    const watch = await store.watch(0);
    const [consumer] = await manager.consumers.list(`KV_${BUCKET}`).next();
    const at = Number(consumer!.cluster!.leader!.slice(1));
    if (at !== leader && at !== ours) return { watch, at };
    watch.stop();
    await eventually(async () => {
      expect(await manager.consumers.list(`KV_${BUCKET}`).next()).toEqual([]);
    });
  }
}

describe.skipIf(need.skip)(`a watch ${need.why}`, () => {
  beforeAll(async () => {
    nats = await Nats.start(3);
  }, 90_000);
  afterAll(() => nats.stop());

  test('brings what is there and what comes, and goes on without the server that it came from', async () => {
    const connection = await connect({
      servers: nats.servers.map(({ url }) => url),
      ignoreClusterUpdates: true,
    });
    const { sticky } = await eventually(() => makeBuckets(connection, 'watched', 3), AGREED_MS);
    await sticky.createBytes('one', Buffer.from('1'));
    await sticky.createBytes('two', Buffer.from('2'));
    await sticky.removeBytes('two');
    const { watch, at } = await watchFromAnother(sticky, connection);
    const heard: string[] = [];
    void (async () => {
      for await (const { key, value } of watch.entries)
        heard.push(`${key} ${value === null ? 'removed' : Buffer.from(value)}`);
    })();
    await eventually(() => expect(heard).toEqual(['one 1', 'two removed']));
    await nats.servers[at]!.stop();
    await eventually(() => sticky.createBytes('three', Buffer.from('3')), AGREED_MS);
    await eventually(() => expect(heard).toEqual(['one 1', 'two removed', 'three 3']), HEARD_MS);
    expect((await sticky.all('>')).map(({ key }) => key)).toEqual(['one', 'three']);
    watch.stop();
    await connection.close();
  }, 240_000);
});
