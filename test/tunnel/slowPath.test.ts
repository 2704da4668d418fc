// Small answers beside bulk on one slow path, in simulated time: a node's session, a system that holds what it has not sent, a link of a
// fixed rate. What stands in front of an answer is a few milliseconds, bulk keeps the link busy, and nobody is left out.

import { describe, expect, test } from 'vitest';
import { ENGINE } from '../../src/limits/engine.ts';
import { SLOW_PATH } from '../../src/limits/path.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { OUTBOUND_SLAB_BYTES } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { testSlab } from '../noise/cipherTwin.ts';

const KEYS = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)] as const;
const TURN_MS = 0.2;
const ANSWER_BYTES = 512;
const ANSWER_EVERY_MS = 20;
/** Until the path is known, and the windows have opened. */
const SETTLE_MS = 1_000;
const RUN_MS = 4_000;

/** One side with local sockets that never run dry (`bulk`), or hold what was put into them. */
class Side implements SessionHandler {
  readonly session: Session;
  readonly received = new Map<number, number>();
  readonly waiting = new Map<number, number>();
  readonly paused = new Set<number>();

  constructor(from: 0 | 1) {
    const pool = (bytes: number) => new SlabPool(testSlab, bytes, 4 * bytes, 0);
    this.session = new Session({
      opens: from === 0,
      sendCipher: new TransportCipher(sodiumAead(KEYS[from])),
      receiveCipher: new TransportCipher(sodiumAead(KEYS[1 - from]!)),
      outboundPool: pool(OUTBOUND_SLAB_BYTES),
      inboundPool: pool(ENGINE.tunnelReadBytes),
      queueMaxBytes: ENGINE.tunnelQueueBytes,
      handler: this,
      nowMs: 0,
    });
  }

  /** Every local socket with something to read is read once, as in a turn of a reactor. */
  readSockets(): void {
    for (const [slot, bytes] of this.waiting) {
      if (bytes === 0 || this.paused.has(slot)) continue;
      const room = this.session.dataRoom(slot);
      if (room === 0) {
        this.paused.add(slot);
        continue;
      }
      const count = Math.min(bytes, room);
      this.session.dataOffset();
      this.session.commitData(slot, count);
      this.waiting.set(slot, bytes - count);
    }
  }

  /** As tunnels.ts does. `system` holds what is unsent. */
  flush(system: Uint8Array[], unsentBytes: () => number, nowMs: number): void {
    const { session } = this;
    const { feed, outbound } = session;
    session.nowMs = nowMs;
    session.prepare();
    const ask = (): number => {
      feed.asked(outbound.sentBytes, unsentBytes(), nowMs);
      return feed.isTight ? feed.roomBytes(unsentBytes()) : Number.POSITIVE_INFINITY;
    };
    let room = feed.asks ? ask() : Number.POSITIVE_INFINITY;
    while (outbound.queuedBytes > 0 && room > 0) {
      const bytes = Math.min(outbound.queuedBytes, room);
      const { headOffset } = outbound;
      system.push(outbound.slab.bytes.slice(headOffset, headOffset + bytes));
      outbound.sent(bytes);
      room -= bytes;
    }
    if (feed.isTight) feed.left(room, outbound.queuedBytes > 0 || session.hasBlocked, outbound.sentBytes);
    else if (feed.isDue(outbound.sentBytes, nowMs)) ask();
    if (session.hasBlocked) session.wakeBlocked();
  }

  take(bytes: Uint8Array, nowMs: number): void {
    const { inbound } = this.session;
    const offset = inbound.room();
    inbound.slab.bytes.set(bytes, offset);
    inbound.received(bytes.length);
    this.session.receive(nowMs);
  }

  onConnect(slot: number): void {
    this.session.accept(slot);
  }

  onData(slot: number, _offset: number, length: number): number {
    this.received.set(slot, (this.received.get(slot) ?? 0) + length);
    return length;
  }

  onRoom(slot: number): void {
    this.paused.delete(slot);
  }

  onUdpOpen(): void {}
  onDatagram(): void {}
  onConnectOk(): void {}
  onConnectFail(): void {}
  onEnd(): void {}
  onAbort(): void {}
  onStatus(): void {}
  onControl(): void {}
  onGoAway(): void {}
}

interface Outcome {
  /** From the answer's arrival at the node to its arrival at the hub, the longest. */
  readonly answerMs: number;
  readonly answers: number;
  /** Share of the link that bulk and answers had. */
  readonly share: number;
  /** Bytes by bulk stream. */
  readonly bulk: readonly number[];
}

/** `hearEveryMs`: how often the node hears that the system has sent. */
function run(bytesPerMs: number, transfers: number, hearEveryMs = TURN_MS): Outcome {
  const turnsUnheard = Math.round(hearEveryMs / TURN_MS);
  const hub = new Side(0);
  const node = new Side(1);
  const system: Uint8Array[] = [];
  let left = 0;
  const unsentBytes = (): number => node.session.outbound.sentBytes - left;
  const slots = Array.from({ length: transfers + 1 }, (_, at) => hub.session.open(`s${at}`, 80));
  const [light, ...heavy] = slots as [number, ...number[]];
  const back: Uint8Array[] = [];
  let budget = 0;
  let hears = true;
  let askedAt = -1;
  let answers = 0;
  let answerMs = 0;
  let bulkBefore: number[] = [];
  for (let turn = 0; turn * TURN_MS < RUN_MS; turn++) {
    const nowMs = turn * TURN_MS;
    // The way back is fast: credit arrives in the same turn.
    hub.flush(back, () => 0, nowMs);
    for (const bytes of back.splice(0)) node.take(bytes, nowMs);
    if (turn === 0) for (const slot of heavy) node.waiting.set(slot, Number.MAX_SAFE_INTEGER);
    if (bulkBefore.length === 0 && nowMs >= SETTLE_MS)
      bulkBefore = heavy.map((slot) => hub.received.get(slot) ?? 0);
    if (nowMs >= SETTLE_MS && askedAt < 0 && (answers === 0 || turn % (ANSWER_EVERY_MS / TURN_MS) === 0)) {
      askedAt = nowMs;
      node.waiting.set(light, ANSWER_BYTES);
    }
    node.readSockets();
    // It goes on from turn to turn until the system has all that it should.
    hears ||= turn % turnsUnheard === 0;
    if (hears) node.flush(system, unsentBytes, nowMs);
    if (node.session.feed.isTight && node.session.feed.queueBytes === 0) hears = false;
    budget += bytesPerMs * TURN_MS;
    while (budget >= 1 && system.length > 0) {
      const first = system[0]!;
      const count = Math.min(first.length, Math.floor(budget));
      budget -= count;
      left += count;
      hub.take(first.subarray(0, count), nowMs);
      if (count === first.length) system.shift();
      else system[0] = first.subarray(count);
    }
    if (system.length === 0) budget = Math.min(budget, 1);
    if (askedAt >= 0 && (hub.received.get(light) ?? 0) >= (answers + 1) * ANSWER_BYTES) {
      answers++;
      answerMs = Math.max(answerMs, nowMs - askedAt);
      askedAt = -1;
    }
  }
  const bulk = heavy.map((slot, at) => (hub.received.get(slot) ?? 0) - bulkBefore[at]!);
  const total = bulk.reduce((sum, bytes) => sum + bytes, answers * ANSWER_BYTES);
  return { answerMs, answers, share: total / (bytesPerMs * (RUN_MS - SETTLE_MS)), bulk };
}

describe('a link that acknowledges in batches', () => {
  test.each([4, 8, 12])('is kept busy all the same: every %d ms', (everyMs) => {
    const { share, answerMs } = run(2_500, 4, everyMs);
    expect(share).toBeGreaterThan(0.95);
    expect(answerMs).toBeLessThan(2 * SLOW_PATH.unsentMaxMs);
  });
});

describe('beside bulk', () => {
  test.each([
    { megabits: 5, transfers: 1 },
    { megabits: 5, transfers: 4 },
    { megabits: 20, transfers: 1 },
    { megabits: 20, transfers: 4 },
    { megabits: 20, transfers: 8 },
    { megabits: 100, transfers: 4 },
  ])(
    'a small answer waits a few milliseconds: $megabits Mbit/s, $transfers transfers',
    ({ megabits, transfers }) => {
      const bytesPerMs = megabits * 125;
      const { answerMs, answers, share, bulk } = run(bytesPerMs, transfers);
      expect(answers).toBeGreaterThan(50);
      const lineMs =
        Math.max(SLOW_PATH.unsentMs, SLOW_PATH.unsentMinBytes / bytesPerMs) * SLOW_PATH.steadyFactor;
      const turnMs =
        Math.max(SLOW_PATH.quantumMs, SLOW_PATH.quantumMinBytes / bytesPerMs) * SLOW_PATH.steadyFactor;
      expect(answerMs).toBeLessThan(lineMs + turnMs + ANSWER_BYTES / bytesPerMs + 1);
      expect(share).toBeGreaterThan(0.97);
      // Turns are equal: within a few quanta.
      expect(Math.min(...bulk) / Math.max(...bulk)).toBeGreaterThan(0.8);
    },
  );
});
