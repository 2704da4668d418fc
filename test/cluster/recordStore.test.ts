// Compare-and-set on three NATS servers: of those who write at the same moment, one wins.

import { JetStreamApiError } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reasonOf } from '../../src/hub/cluster/natsConnection.ts';
import { makeBuckets, openBuckets, type RecordStore } from '../../src/hub/cluster/recordStore.ts';
import { needs } from '../require.ts';
import { eventually } from '../system/harness.ts';
import { Nats } from './natsServers.ts';

const need = needs('nats-server');
const AGREED_MS = 60_000;
const ROUNDS = 20;

test("a refusal of JetStream, whose codes are numbers, is the server's own sentence", () => {
  const refusal = new JetStreamApiError({ code: 503, err_code: 10_008, description: 'no leader' });
  expect(reasonOf(refusal)).toBe('no leader');
});

describe.skipIf(need.skip)(`three servers ${need.why}`, () => {
  let nats: Nats;
  const connections: NatsConnection[] = [];
  let writers: RecordStore[];

  beforeAll(async () => {
    nats = await Nats.start(3);
    for (const { url } of nats.servers)
      connections.push(await connect({ servers: [url], ignoreClusterUpdates: true }));
    await eventually(() => makeBuckets(connections[0]!, 'swapped', 3), AGREED_MS);
    writers = await Promise.all(
      connections.map(async (connection) => (await openBuckets(connection, 'swapped')).tokens),
    );
  }, 90_000);
  afterAll(async () => {
    for (const connection of connections) await connection.close();
    await nats.stop();
  });

  /** How many of the three have written. */
  async function race(write: (writer: RecordStore, at: number) => Promise<number | boolean | null>) {
    const answers = await Promise.all(writers.map(write));
    return answers.filter((answer) => answer !== null && answer !== false).length;
  }

  test('of three that update one record, create it, remove it or create it again, one wins', async () => {
    const [first] = writers;
    for (let round = 0; round < ROUNDS; round++) {
      const key = `k${round}`;
      const text = (at: number) => Buffer.from(`by ${at}`);
      expect(await race((writer, at) => writer.createBytes(key, text(at)))).toBe(1);
      const { revision } = (await first!.readBytes(key))!;
      expect(await race((writer, at) => writer.updateBytes(key, text(at), revision))).toBe(1);
      const updated = (await first!.readBytes(key))!.revision;
      expect(await race((writer) => writer.remove(key, updated))).toBe(1);
      expect(await first!.readBytes(key)).toBeNull();
      expect(await race((writer, at) => writer.createBytes(key, text(at)))).toBe(1);
    }
  });

  test('who writes other keys meanwhile is in nobody’s way', async () => {
    const revisions = await Promise.all(
      writers.map(async (writer, at) => (await writer.createBytes(`own${at}`, Buffer.from('0')))!),
    );
    await Promise.all(
      writers.map(async (writer, at) => {
        let revision = revisions[at]!;
        for (let round = 0; round < ROUNDS; round++) {
          const next = await writer.updateBytes(`own${at}`, Buffer.from(`${round}`), revision);
          expect(next).not.toBeNull();
          revision = next!;
        }
      }),
    );
  });
});
