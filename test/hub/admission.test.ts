// What waits for the store's word: devices that knock while the disk is busy share the next commit, and none waits for ever.

import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Admission } from '../../src/hub/sessions/admission.ts';
import { Sessions } from '../../src/hub/sessions/sessionTable.ts';
import type { HubStore } from '../../src/hub/store/hubStore.ts';
import type { AdmitRequest, Verdict } from '../../src/hub/store/store.ts';
import { CONTROL } from '../../src/limits/owner.ts';
import { STRANGER } from '../../src/limits/strangers.ts';
import type { HandshakeResult } from '../../src/noise/handshakeJob.ts';
import { makeSlots, SessionSlots } from '../../src/ring/slots.ts';

const SESSIONS_MAX = 200;

/** A handshake whose key and id are this number. */
function answerOf(device: number): HandshakeResult {
  const remoteStatic = new Uint8Array(new Uint32Array([device]).buffer);
  const keys = { sendKey: new Uint8Array(32), receiveKey: new Uint8Array(32) };
  const facts = { nodeId: String(device), remoteStatic, timestamp: new Uint8Array(12), enroll: null };
  return { ...keys, ...facts, lane: 0, capabilities: 0, message2: new Uint8Array(1) } as HandshakeResult;
}

function deviceOf(bytes: Uint8Array): number {
  return new Uint32Array(bytes.slice().buffer)[0]!;
}

function acceptedNode({ publicKey }: AdmitRequest): Verdict {
  const id = String(deviceOf(publicKey));
  const node = { id, publicKey, name: id, createdAtMs: 0, lastSeenAtMs: 0, revokedAtMs: null };
  return { verdict: 'accept', node, enrolled: false };
}

/** The batches that the store was asked about, and what answers the oldest that waits. */
let batches: number[];
let commit: (() => void)[];
let logged: string[];
let admission: Admission;

beforeEach(() => {
  batches = [];
  commit = [];
  logged = [];
  const store = {
    unwritable: null,
    ask: (_: string, requests: readonly AdmitRequest[]) => {
      batches.push(requests.length);
      return new Promise((resolve) => commit.push(() => resolve(requests.map(acceptedNode))));
    },
  };
  admission = new Admission({
    pool: {
      answer: async (message1) => ({ result: answerOf(deviceOf(message1)), costMs: 0 }),
      destroy: async () => {},
    },
    store: store as unknown as HubStore,
    sessions: new Sessions(1, SESSIONS_MAX),
    slots: new SessionSlots(makeSlots(1)),
    log: pino({ level: 'warn' }, { write: (line: string) => logged.push(line) }),
    listener: { note: () => {}, admitted: () => {}, tellOfStore: () => {} },
  });
});
afterEach(() => vi.useRealTimers());

const knock = async (device: number) =>
  (await admission.admit(new Uint8Array(new Uint32Array([device]).buffer), '192.0.2.1', false)).accepted;
/** Whoever knocked before is asked about, or waits for a commit. */
async function turn(): Promise<void> {
  for (let at = 0; at < 3; at++) await new Promise((resolve) => setImmediate(resolve));
}

test('all that knock during a commit share the next one', async () => {
  const answers = [knock(1)];
  await turn();
  for (let device = 2; device <= 100; device++) {
    answers.push(knock(device));
    if (device % 10 === 0) await turn();
  }
  expect(batches).toEqual([1]);
  commit.shift()!();
  expect(await answers[0]).not.toBe(null);
  await turn();
  expect(batches).toEqual([1, 99]);
  commit.shift()!();
  expect((await Promise.all(answers)).filter((accepted) => accepted === null)).toEqual([]);
  expect(batches).toEqual([1, 99]);
});

test('who has waited past the deadline of strangers is not asked about any more', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const first = knock(1);
  await turn();
  const late = knock(2);
  await turn();
  vi.advanceTimersByTime(STRANGER.deadlineMs + 1);
  const fresh = knock(3);
  await turn();
  commit.shift()!();
  expect(await first).not.toBe(null);
  expect(await late).toBe(null);
  await turn();
  commit.shift()!();
  expect(await fresh).not.toBe(null);
  expect(batches).toEqual([1, 1]);
});

test('when too many wait for the disk, the next gets silence at once', async () => {
  const first = knock(1);
  await turn();
  const waiting = Array.from({ length: CONTROL.askingMax }, () => knock(2));
  await turn();
  expect(await knock(3)).toBe(null);
  commit.shift()!();
  expect(await first).not.toBe(null);
  await turn();
  await admission.close();
  commit.shift()!();
  expect((await Promise.all(waiting)).every((accepted) => accepted === null)).toBe(true);
});

test('when there are as many sessions as the hub takes, a flood of devices leaves few lines in the log', async () => {
  const devices = Array.from({ length: 2 * SESSIONS_MAX }, (_, at) => knock(at));
  await turn();
  for (const done of commit.splice(0)) done();
  const accepted = (await Promise.all(devices)).filter((answer) => answer !== null);
  expect(accepted).toHaveLength(SESSIONS_MAX);
  expect(logged.length).toBeGreaterThan(0);
  expect(logged.length).toBeLessThanOrEqual(STRANGER.logLinesBurst);
  expect(logged[0]).toContain(`"sessionsMax":${SESSIONS_MAX}`);
});
