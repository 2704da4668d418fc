// Handshakes on real pool threads: answers, silence, a full queue, the end.

import { afterEach, expect, test, vi } from 'vitest';
import { HandshakePool } from '../../src/hub/sessions/handshakePool.ts';
import { CONTROL } from '../../src/limits/owner.ts';
import { startInitiator } from '../../src/noise/handshake.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { decodeMessage2, encodeMessage1 } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';

const HUB = keyPairOf(new Uint8Array(32).fill(3));
const NODE = keyPairOf(new Uint8Array(32).fill(9));
const PAYLOAD = encodeMessage1(
  { timestamp: timestampAfter(1e12, null), version: 1, capabilities: 0, lane: 0, enroll: null },
  9,
);

const faults: unknown[] = [];
/** What message 2 is to say. */
let windowBytes = 262_144;
let pool: HandshakePool | null = null;

function openPool(idleMs?: number): HandshakePool {
  pool = new HandshakePool({
    keyPair: HUB,
    initialWindowBytes: () => windowBytes,
    maxStreams: 10,
    capabilities: 1,
    idleMs,
    onFault: (error) => faults.push(error),
  });
  return pool;
}

const start = () => startInitiator({ staticKeyPair: NODE, hubPublicKey: HUB.publicKey, payload: PAYLOAD });

afterEach(async () => {
  await pool?.destroy();
  pool = null;
  expect(faults.splice(0)).toEqual([]);
});

test('answers a node, from a view into a larger buffer, and stays silent towards strangers', async () => {
  const opened = openPool();
  const initiator = start();
  const buffer = new Uint8Array(4096);
  buffer.set(initiator.message1, 100);
  const message1 = buffer.subarray(100, 100 + initiator.message1.length);
  const [{ result, costMs }, stranger] = await Promise.all([
    opened.answer(message1, '2001:db8::5'),
    opened.answer(new Uint8Array(200), '192.0.2.1'),
  ]);
  expect(stranger.result).toBeNull();
  expect(costMs).toBeGreaterThanOrEqual(0);
  expect(result!.remoteStatic).toEqual(NODE.publicKey);
  const finished = initiator.finish(result!.message2);
  expect(finished.sendKey).toEqual(result!.receiveKey);
  expect(decodeMessage2(finished.payload).observedAddress).toBe('2001:db8::5');
});

test('a thread is there while there is work for it', async () => {
  const opened = openPool(200);
  const { message1 } = start();
  for (let round = 0; round < 2; round++) {
    await vi.waitFor(() => expect(opened.threads).toBe(0), 20_000);
    expect((await opened.answer(message1, '192.0.2.1')).result).not.toBeNull();
    expect(opened.threads).toBe(1);
  }
});

test('message 2 says how large windows are at that moment, and so does the result', async () => {
  const opened = openPool();
  for (const bytes of [65_536, 262_144]) {
    windowBytes = bytes;
    const initiator = start();
    const { result } = await opened.answer(initiator.message1, '192.0.2.1');
    const { initialWindowBytes } = decodeMessage2(initiator.finish(result!.message2).payload);
    expect([initialWindowBytes, result!.initialWindowBytes]).toEqual([bytes, bytes]);
  }
});

test('past a full queue a first message is dropped at once; those in the queue are answered', async () => {
  const opened = openPool();
  const { message1 } = start();
  // Nothing begins before this turn of the event loop ends.
  const attempts = Array.from({ length: CONTROL.handshakeQueueMax + 20 }, () => opened.answer(message1, ''));
  expect(opened.dropped).toBe(20);
  const results = await Promise.all(attempts);
  expect(results.filter(({ result }) => result === null).length).toBe(opened.dropped);
  expect((await opened.answer(message1, '')).result).not.toBeNull();
});

test('destroy() ends what is under way as null, and nothing starts afterwards', async () => {
  const opened = openPool();
  const { message1 } = start();
  const attempts = Array.from({ length: 50 }, () => opened.answer(message1, ''));
  await opened.destroy();
  // Each settles: whether as null or with a result depends on how far it was.
  expect((await Promise.all(attempts)).length).toBe(50);
  expect((await opened.answer(message1, '')).result).toBeNull();
});
