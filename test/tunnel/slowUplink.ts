// A node's session, a system that may say what it has not sent, a slow link with a router's queue in front of it, and its hub, in simulated
// time: transfers that never run dry, and small answers beside them.

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

  /** As tunnels.ts does. */
  flush(socket: Socket, nowMs: number): void {
    const { session } = this;
    const { feed, outbound } = session;
    session.nowMs = nowMs;
    session.prepare();
    const ask = (): number => {
      const unsent = socket.unsentBytes();
      if (unsent < 0) return Number.POSITIVE_INFINITY;
      feed.asked(outbound.sentBytes, unsent, nowMs);
      return feed.isTight ? feed.roomBytes(unsent) : Number.POSITIVE_INFINITY;
    };
    let room = feed.asks ? ask() : Number.POSITIVE_INFINITY;
    while (outbound.queuedBytes > 0 && room > 0) {
      const bytes = Math.min(outbound.queuedBytes, room);
      const { headOffset } = outbound;
      socket.give(outbound.slab.bytes.slice(headOffset, headOffset + bytes));
      outbound.sent(bytes);
      room -= bytes;
      if (!session.owesNothing) session.prepare();
    }
    if (feed.isTight) feed.left(room, outbound.queuedBytes > 0 || session.hasBlocked, outbound.sentBytes);
    else if (feed.isDue(outbound.sentBytes, nowMs)) ask();
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

interface Socket {
  give(bytes: Uint8Array): void;
  /** -1: it does not say. */
  unsentBytes(): number;
}

/** A sender's system: hands the link so much that no more than `flightMaxBytes` are in flight, as a congestion window does. */
class System implements Socket {
  readonly #link: Link;
  readonly #flightMaxBytes: number;
  readonly #tells: boolean;
  readonly #unsent: { bytes: Uint8Array }[] = [];
  #unsentBytes = 0;

  constructor(link: Link, flightMaxBytes: number, tells: boolean) {
    this.#link = link;
    this.#flightMaxBytes = flightMaxBytes;
    this.#tells = tells;
  }

  give(bytes: Uint8Array): void {
    this.#unsent.push({ bytes });
    this.#unsentBytes += bytes.length;
    this.turn();
  }

  unsentBytes(): number {
    return this.#tells ? this.#unsentBytes : -1;
  }

  turn(): void {
    while (this.#unsent.length > 0) {
      const first = this.#unsent[0]!;
      const count = Math.min(first.bytes.length, this.#flightMaxBytes - this.#link.flightBytes);
      if (count <= 0) return;
      this.#link.give(first.bytes.subarray(0, count));
      this.#unsentBytes -= count;
      if (count === first.bytes.length) this.#unsent.shift();
      else first.bytes = first.bytes.subarray(count);
    }
  }
}

/** One direction: a queue without an end in front of a rate, and the way behind it. */
class Link implements Socket {
  readonly #queue: { bytes: Uint8Array }[] = [];
  readonly #way: { bytes: Uint8Array; atMs: number }[] = [];
  readonly #turnMs: number;
  bytesPerMs: number;
  delayMs: number;
  /** Of others, in front of ours. */
  othersBytes = 0;
  queuedBytes = 0;
  /** In front of the link and behind it, until it has arrived. */
  flightBytes = 0;
  #budget = 0;

  constructor(turnMs: number, bytesPerMs: number, delayMs: number) {
    this.#turnMs = turnMs;
    this.bytesPerMs = bytesPerMs;
    this.delayMs = delayMs;
  }

  give(bytes: Uint8Array): void {
    this.#queue.push({ bytes });
    this.queuedBytes += bytes.length;
    this.flightBytes += bytes.length;
  }

  unsentBytes(): number {
    return 0;
  }

  /** What arrives now. */
  turn(nowMs: number): Uint8Array[] {
    this.#budget += this.bytesPerMs * this.#turnMs;
    const others = Math.min(this.othersBytes, this.#budget);
    this.othersBytes -= others;
    this.#budget -= others;
    while (this.#budget >= 1 && this.#queue.length > 0) {
      const first = this.#queue[0]!;
      const count = Math.min(first.bytes.length, Math.floor(this.#budget));
      this.#budget -= count;
      this.queuedBytes -= count;
      this.#way.push({ bytes: first.bytes.subarray(0, count), atMs: nowMs + this.delayMs });
      if (count === first.bytes.length) this.#queue.shift();
      else first.bytes = first.bytes.subarray(count);
    }
    if (this.#queue.length === 0) this.#budget = Math.min(this.#budget, 1);
    const arrived: Uint8Array[] = [];
    while (this.#way.length > 0 && this.#way[0]!.atMs <= nowMs) arrived.push(this.#way.shift()!.bytes);
    for (const bytes of arrived) this.flightBytes -= bytes.length;
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
  /** How often the node hears that its system has sent. */
  readonly hearEveryMs?: number;
  /** The node's system says what it has not sent, and has so much in flight at most. Without it: it takes everything and tells nothing. */
  readonly flightMaxBytes?: number;
  readonly turnMs?: number;
  /** Whether a side waits for a processor: the hub's (0) or the node's (1). */
  readonly sleeps?: (side: 0 | 1, nowMs: number) => boolean;
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
  const { bytesPerMs, transfers, roundTripMs, runMs, settleMs, turnMs = 0.5 } = plan;
  const { wakeEveryMs = turnMs, hearEveryMs = turnMs } = plan;
  const capabilities = plan.capabilities ?? OFFERED_CAPABILITIES;
  const tells = plan.flightMaxBytes !== undefined;
  const hub = new Side(0, false, capabilities);
  const node = new Side(1, !tells, capabilities);
  const up = new Link(turnMs, bytesPerMs, roundTripMs / 2);
  const down = new Link(turnMs, 1e6, roundTripMs / 2);
  const system = new System(up, plan.flightMaxBytes ?? Number.POSITIVE_INFINITY, tells);
  const [light, ...heavy] = Array.from({ length: transfers + 1 }, (_, at) => hub.session.open(`s${at}`, 80));
  const forNode: Uint8Array[] = [];
  const forHub: Uint8Array[] = [];
  const answersMs: number[] = [];
  let askedAt = -1;
  let bulkBefore: number[] | null = null;
  let carriable = 0;
  let lineMs = 0;
  let awaitsSent = false;
  const wakeTurns = Math.max(1, Math.round(wakeEveryMs / turnMs));
  const hearTurns = Math.max(1, Math.round(hearEveryMs / turnMs));
  // As a node's first record.
  node.session.sendStatus('{}');
  for (let turn = 0; turn * turnMs < runMs; turn++) {
    const nowMs = turn * turnMs;
    plan.change?.(nowMs, up, down);
    forNode.push(...down.turn(nowMs));
    forHub.push(...up.turn(nowMs));
    system.turn();
    const wakes = turn % wakeTurns === 0;
    const hubWakes = wakes && plan.sleeps?.(0, nowMs) !== true;
    const nodeSleeps = plan.sleeps?.(1, nowMs) === true;
    if (turn % hearTurns === 0 || (wakes && forNode.length > 0)) awaitsSent = false;
    if (hubWakes) {
      for (const bytes of forHub.splice(0)) hub.take(bytes, nowMs);
      hub.flush(down, nowMs);
    }
    if (wakes && !nodeSleeps) for (const bytes of forNode.splice(0)) node.take(bytes, nowMs);
    if (node.session.streams.count > 0 && node.waiting.size === 0)
      for (const slot of heavy) node.waiting.set(slot, Number.MAX_SAFE_INTEGER);
    const settled = nowMs >= settleMs;
    if (settled && bulkBefore === null) bulkBefore = heavy.map((slot) => hub.received.get(slot) ?? 0);
    if (settled) {
      carriable += up.bytesPerMs * turnMs;
      lineMs = Math.max(lineMs, up.queuedBytes / up.bytesPerMs);
    }
    if (settled && askedAt < 0 && turn % Math.round(ANSWER_EVERY_MS / turnMs) === 0) {
      askedAt = nowMs;
      node.waiting.set(light!, ANSWER_BYTES);
    }
    if (!nodeSleeps) {
      node.readSockets();
      // It goes on from turn to turn until the system has all that it should.
      if (!awaitsSent) node.flush(system, nowMs);
      awaitsSent = tells && node.session.feed.isTight && node.session.feed.queueBytes === 0;
    }
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
