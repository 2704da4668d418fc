// A node's session whose socket says nothing of what its system holds, a slow link with a router's queue in front of it, and its hub, in
// simulated time: transfers that never run dry, and small answers beside them.

import { ENGINE } from '../../src/limits/engine.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import { OUTBOUND_SLAB_BYTES } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { testSlab } from '../noise/cipherTwin.ts';

const KEYS = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)] as const;
const TURN_MS = 0.5;
export const ANSWER_BYTES = 512;
const ANSWER_EVERY_MS = 20;

class Side implements SessionHandler {
  readonly session: Session;
  readonly received = new Map<number, number>();
  readonly waiting = new Map<number, number>();
  readonly paused = new Set<number>();

  constructor(from: 0 | 1, marks: boolean, capabilities: number) {
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
      marks,
      capabilities,
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

  /** As tunnels.ts does with a socket that takes everything and tells nothing. */
  flush(link: Link, nowMs: number): void {
    const { session } = this;
    const { feed, outbound } = session;
    session.nowMs = nowMs;
    session.prepare();
    if (outbound.queuedBytes > 0) {
      const { headOffset, queuedBytes } = outbound;
      link.give(outbound.slab.bytes.slice(headOffset, headOffset + queuedBytes));
      outbound.sent(queuedBytes);
    }
    if (feed.isTight) feed.left(0, session.hasBlocked, outbound.sentBytes);
    if (session.hasBlocked) session.wakeBlocked();
  }

  take(bytes: Uint8Array, nowMs: number): void {
    const { inbound } = this.session;
    for (let at = 0; at < bytes.length; at += 60_000) {
      const part = bytes.subarray(at, at + 60_000);
      const offset = inbound.room();
      inbound.slab.bytes.set(part, offset);
      inbound.received(part.length);
      this.session.receive(nowMs);
    }
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

/** One direction: a queue without an end in front of a rate, and the way behind it. */
class Link {
  readonly #queue: { bytes: Uint8Array }[] = [];
  readonly #way: { bytes: Uint8Array; atMs: number }[] = [];
  bytesPerMs: number;
  delayMs: number;
  /** Of others, in front of ours. */
  othersBytes = 0;
  queuedBytes = 0;
  carriedBytes = 0;
  #budget = 0;

  constructor(bytesPerMs: number, delayMs: number) {
    this.bytesPerMs = bytesPerMs;
    this.delayMs = delayMs;
  }

  give(bytes: Uint8Array): void {
    this.#queue.push({ bytes });
    this.queuedBytes += bytes.length;
  }

  /** What arrives now. */
  turn(nowMs: number): Uint8Array[] {
    this.#budget += this.bytesPerMs * TURN_MS;
    const others = Math.min(this.othersBytes, this.#budget);
    this.othersBytes -= others;
    this.#budget -= others;
    while (this.#budget >= 1 && this.#queue.length > 0) {
      const first = this.#queue[0]!;
      const count = Math.min(first.bytes.length, Math.floor(this.#budget));
      this.#budget -= count;
      this.queuedBytes -= count;
      this.carriedBytes += count;
      this.#way.push({ bytes: first.bytes.subarray(0, count), atMs: nowMs + this.delayMs });
      if (count === first.bytes.length) this.#queue.shift();
      else first.bytes = first.bytes.subarray(count);
    }
    if (this.#queue.length === 0) this.#budget = Math.min(this.#budget, 1);
    const arrived: Uint8Array[] = [];
    while (this.#way.length > 0 && this.#way[0]!.atMs <= nowMs) arrived.push(this.#way.shift()!.bytes);
    return arrived;
  }
}

export interface UplinkPlan {
  readonly bytesPerMs: number;
  readonly transfers: number;
  /** There and back. */
  readonly roundTripMs: number;
  readonly runMs: number;
  readonly settleMs: number;
  readonly capabilities?: number;
  /** How often each side hears what has come. */
  readonly wakeEveryMs?: number;
  /** Called every turn: the link, and the way back, may change. */
  readonly change?: (nowMs: number, up: Link, down: Link) => void;
}

export interface UplinkOutcome {
  /** From its arrival at the node to its arrival at the hub; sorted. */
  readonly answersMs: readonly number[];
  /** Share of the link that bulk and answers had. */
  readonly share: number;
  /** What stood in front of the link at most, once settled, as time at its rate. */
  readonly lineMs: number;
  readonly bulk: readonly number[];
  readonly isTight: boolean;
}

export function runUplink(plan: UplinkPlan): UplinkOutcome {
  const { bytesPerMs, transfers, roundTripMs, runMs, settleMs, wakeEveryMs = TURN_MS } = plan;
  const capabilities = plan.capabilities ?? OFFERED_CAPABILITIES;
  const hub = new Side(0, false, capabilities);
  const node = new Side(1, true, capabilities);
  const up = new Link(bytesPerMs, roundTripMs / 2);
  const down = new Link(1e6, roundTripMs / 2);
  const [light, ...heavy] = Array.from({ length: transfers + 1 }, (_, at) => hub.session.open(`s${at}`, 80));
  const forNode: Uint8Array[] = [];
  const forHub: Uint8Array[] = [];
  const answersMs: number[] = [];
  let askedAt = -1;
  let bulkBefore: number[] | null = null;
  let carriable = 0;
  let lineMs = 0;
  const wakeTurns = Math.max(1, Math.round(wakeEveryMs / TURN_MS));
  // As a node's first record.
  node.session.sendStatus('{}');
  for (let turn = 0; turn * TURN_MS < runMs; turn++) {
    const nowMs = turn * TURN_MS;
    plan.change?.(nowMs, up, down);
    forNode.push(...down.turn(nowMs));
    forHub.push(...up.turn(nowMs));
    const wakes = turn % wakeTurns === 0;
    if (wakes) {
      for (const bytes of forHub.splice(0)) hub.take(bytes, nowMs);
      hub.flush(down, nowMs);
      for (const bytes of forNode.splice(0)) node.take(bytes, nowMs);
    }
    if (node.session.streams.count > 0 && node.waiting.size === 0)
      for (const slot of heavy) node.waiting.set(slot, Number.MAX_SAFE_INTEGER);
    const settled = nowMs >= settleMs;
    if (settled && bulkBefore === null) bulkBefore = heavy.map((slot) => hub.received.get(slot) ?? 0);
    if (settled) {
      carriable += up.bytesPerMs * TURN_MS;
      lineMs = Math.max(lineMs, up.queuedBytes / up.bytesPerMs);
    }
    if (settled && askedAt < 0 && turn % (ANSWER_EVERY_MS / TURN_MS) === 0) {
      askedAt = nowMs;
      node.waiting.set(light!, ANSWER_BYTES);
    }
    node.readSockets();
    node.flush(up, nowMs);
    if (askedAt >= 0 && (hub.received.get(light!) ?? 0) >= (answersMs.length + 1) * ANSWER_BYTES) {
      answersMs.push(nowMs - askedAt);
      askedAt = -1;
    }
  }
  const bulk = heavy.map((slot, at) => (hub.received.get(slot) ?? 0) - (bulkBefore?.[at] ?? 0));
  const total = bulk.reduce((sum, bytes) => sum + bytes, answersMs.length * ANSWER_BYTES);
  const { isTight } = node.session.feed;
  return { answersMs: answersMs.sort((a, b) => a - b), share: total / carriable, lineMs, bulk, isTight };
}
