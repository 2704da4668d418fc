// A hub's session and a node's over a simulated link, everything drawn from one seed: delays, cuts at any byte, stalls, writes taken in
// part, streams that open, talk, end and break in any order, consumers that come late. Run by simulation.test.ts and scripts/simulate.ts.

import { UDP } from '../../src/limits/datagrams.ts';
import { SESSION } from '../../src/limits/session.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { FAILURES } from '../../src/model/failures.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import type { ControlOrders } from '../../src/tunnel/controlOrders.ts';
import { outboundSlabBytes } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { STREAM } from '../../src/tunnel/streams.ts';
import { WindowBudget } from '../../src/tunnel/window.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { SimulatedUdp } from './simulatedUdp.ts';

const QUEUE_MAX_BYTES = 20_000;
const STREAMS_MAX = 12;
/** Steps in which everything flows and nothing comes to an end: a deadlock. */
const DRAIN_STEPS_MAX = 20_000;
/** Long enough for rates to let go of what they hold back. */
const DRAIN_STEP_MS = 50;
const KEYS = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)] as const;

const outboundPool = new SlabPool(
  testSlab,
  outboundSlabBytes(QUEUE_MAX_BYTES),
  4 * outboundSlabBytes(QUEUE_MAX_BYTES),
  0,
);
/** Just above one record, so that cut records are moved often. */
const inboundPool = new SlabPool(testSlab, 66_000, 4 * 66_000, 0);

/** xorshift32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
    for (let round = 0; round < 8; round++) this.#next();
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** 0 .. below - 1. */
  below(below: number): number {
    return this.#next() % below;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  /** Small mostly, now and then up to `most`. */
  size(most: number): number {
    return 1 + this.below(this.chance(4) ? most : Math.min(most, 600));
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.below(from.length)];
  }
}

/** The byte at `offset` of what side `from` sends on stream `number`. */
function byteAt(number: number, from: number, offset: number): number {
  return (number * 31 + from * 101 + offset * 7 + (offset >>> 8)) & 0xff;
}

/** One direction of the link: takes some of what it is given, hands it out in any pieces. */
class Pipe {
  readonly #random: Random;
  #capacity: number;
  #bytes = new Uint8Array(0);
  stalled = false;

  constructor(random: Random) {
    this.#random = random;
    this.#capacity = 1 + random.below(random.chance(2) ? 2_000 : 150_000);
  }

  open(): void {
    this.stalled = false;
    this.#capacity = Math.max(this.#capacity, 2_000);
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** How many of the bytes are taken. */
  give(bytes: Uint8Array, willing: boolean): number {
    const room = Math.min(bytes.length, this.#capacity - this.#bytes.length);
    if (this.stalled || room <= 0) return 0;
    const taken = willing ? room : this.#random.below(room + 1);
    const joined = new Uint8Array(this.#bytes.length + taken);
    joined.set(this.#bytes);
    joined.set(bytes.subarray(0, taken), this.#bytes.length);
    this.#bytes = joined;
    return taken;
  }

  take(most: number): Uint8Array {
    const length = this.stalled ? 0 : Math.min(most, this.#bytes.length);
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

/** One side's view of one stream. */
interface End {
  readonly number: number;
  slot: number;
  /** Has this side's answer, or its peer's, been given? */
  answered: boolean;
  sent: number;
  /** What it means to send in all. */
  wanted: number;
  /** Its local socket is being read. */
  readable: boolean;
  received: number;
  unconsumed: number;
  endedHere: boolean;
  endedThere: boolean;
}

class Side implements SessionHandler {
  readonly session: Session;
  readonly ends = new Map<number, End>();
  readonly udp: SimulatedUdp;
  readonly #world: World;
  readonly #random: Random;
  readonly #from: number;

  constructor(world: World, from: number) {
    this.#world = world;
    this.#random = world.random;
    this.#from = from;
    this.udp = new SimulatedUdp(() => this.session, world.random, from === 0);
    this.session = new Session({
      opens: from === 0,
      sendCipher: new TransportCipher(sodiumAead(KEYS[from]!)),
      receiveCipher: new TransportCipher(sodiumAead(KEYS[1 - from]!)),
      outboundPool,
      inboundPool,
      queueMaxBytes: QUEUE_MAX_BYTES,
      handler: this,
      nowMs: 0,
      initialWindowBytes: world.initialWindowBytes,
      capabilities: OFFERED_CAPABILITIES,
      threadBudget: world.windowBudget,
      marks: world.marks,
    });
  }

  get #name(): string {
    return this.#from === 0 ? 'hub' : 'node';
  }

  trace(what: string): void {
    this.#world.trace(`${this.#name}: ${what}`);
  }

  // --- What it does ---------------------------------------------------------------------------------------------------------

  open(): void {
    const number = this.#world.opened++;
    const slot = this.session.open(`s${number}`, 1 + (number % 65_535));
    this.trace(`open ${number} in slot ${slot}`);
    this.#add(number, slot, false);
  }

  #add(number: number, slot: number, answered: boolean): void {
    if (this.ends.has(slot)) throw new Error(`slot ${slot} of the ${this.#name} is in use`);
    const wanted = this.#random.chance(3) ? 0 : this.#random.size(this.#world.bytesMax);
    this.ends.set(slot, {
      number,
      slot,
      answered,
      sent: 0,
      wanted,
      readable: true,
      received: 0,
      unconsumed: 0,
      endedHere: false,
      endedThere: false,
    });
  }

  answer(end: End): void {
    end.answered = true;
    if (this.#random.chance(4)) {
      this.trace(`refuse ${end.number}`);
      this.session.refuse(end.slot, FAILURES.refused.reason);
      this.ends.delete(end.slot);
      return;
    }
    this.trace(`accept ${end.number}`);
    this.session.accept(end.slot);
  }

  /** The local socket is readable: once, as a reactor would call. */
  read(end: End): void {
    if (!end.readable || end.endedHere || (this.#from === 1 && !end.answered)) return;
    const left = end.wanted - end.sent;
    if (left === 0) {
      if (this.#world.draining || this.#random.chance(3)) this.end(end);
      return;
    }
    const room = this.session.dataRoom(end.slot);
    if (room === 0) {
      end.readable = false;
      return;
    }
    // A socket may have nothing to read after all.
    const length =
      !this.#world.draining && this.#random.chance(12) ? 0 : Math.min(room, left, this.#random.size(30_000));
    if (length === 0) return;
    const offset = this.session.dataOffset();
    const { bytes } = this.session.outbound.slab;
    for (let at = 0; at < length; at++) bytes[offset + at] = byteAt(end.number, this.#from, end.sent + at);
    this.session.commitData(end.slot, length);
    end.sent += length;
    this.trace(`data ${end.number} ${length}`);
  }

  end(end: End): void {
    if (end.endedHere) return;
    this.trace(`end ${end.number} at ${end.sent}`);
    end.endedHere = true;
    this.#world.endedAt.set(`${end.number} ${this.#from}`, end.sent);
    this.session.end(end.slot);
    this.#forgetIfOver(end);
  }

  abort(end: End): void {
    this.trace(`abort ${end.number}`);
    this.session.abort(end.slot);
    this.ends.delete(end.slot);
  }

  /** The local socket takes up to `most` of what waits for it: how many. Before the node has answered there is no local socket. */
  #consume(end: End, most: number): number {
    if (this.#from === 1 && !end.answered) return 0;
    const bytes = Math.min(most, end.unconsumed);
    end.unconsumed -= bytes;
    return bytes;
  }

  consume(end: End, most: number): void {
    const bytes = this.#consume(end, most);
    if (bytes > 0) this.session.consumed(end.slot, bytes);
  }

  /** What tunnels.ts does with a session at the end of a turn. */
  flush(pipe: Pipe, willing: boolean): void {
    const { session } = this;
    const { outbound } = session;
    session.nowMs = this.#world.nowMs;
    session.prepare();
    let room = session.feed.asks ? this.#ask(pipe) : Number.POSITIVE_INFINITY;
    let isFull = false;
    while (outbound.queuedBytes > 0 && room > 0) {
      const { headOffset } = outbound;
      const offered = Math.min(outbound.queuedBytes, room);
      const taken = pipe.give(outbound.slab.bytes.subarray(headOffset, headOffset + offered), willing);
      if (taken > 0) outbound.sent(taken);
      isFull = taken < offered;
      if (isFull) break;
      room -= taken;
      if (!session.owesNothing) session.prepare();
    }
    if (session.feed.isTight)
      session.feed.left(
        isFull ? 0 : room,
        outbound.queuedBytes > 0 || session.hasBlocked,
        outbound.sentBytes,
      );
    else if (this.#world.measures && session.feed.isDue(outbound.sentBytes, session.nowMs)) this.#ask(pipe);
    if (session.feed.isTight && !this.#world.marks) this.#world.tight = true;
    if (session.hasBlocked) session.wakeBlocked();
  }

  /** The link is what the system holds unsent. */
  #ask(pipe: Pipe): number {
    const { feed, outbound, nowMs } = this.session;
    feed.asked(outbound.sentBytes, pipe.length, nowMs);
    return feed.isTight ? feed.roomBytes(pipe.length) : Number.POSITIVE_INFINITY;
  }

  receive(pipe: Pipe, most: number): void {
    if (pipe.isEmpty) return;
    const { inbound } = this.session;
    const offset = inbound.room();
    const bytes = pipe.take(Math.min(most, inbound.slab.bytes.length - offset));
    inbound.slab.bytes.set(bytes, offset);
    inbound.received(bytes.length);
    this.session.receive(this.#world.nowMs);
  }

  // --- Events ---------------------------------------------------------------------------------------------------------------

  onConnect(slot: number, host: string, port: number): void {
    const number = Number(host.slice(1));
    if (port !== 1 + (number % 65_535)) throw new Error(`stream ${number} came with port ${port}`);
    this.#add(number, slot, false);
    const end = this.#expect(slot, 'onConnect');
    if (this.#random.chance(3)) this.answer(end);
    else if (this.#random.chance(20)) this.abort(end);
  }

  onUdpOpen(slot: number): void {
    this.trace(`onUdpOpen ${slot}`);
    this.udp.onUdpOpen(slot);
  }

  onDatagram(slot: number, offset: number, length: number, headerBytes: number): void {
    this.udp.onDatagram(slot, offset, length, headerBytes);
  }

  onConnectOk(slot: number): void {
    if (this.udp.open.has(slot)) {
      this.udp.onConnectOk(slot);
      return;
    }
    const end = this.#expect(slot, 'onConnectOk');
    if (end.answered) throw new Error(`stream ${end.number} was answered twice`);
    end.answered = true;
    if (this.#random.chance(20)) this.abort(end);
  }

  onConnectFail(slot: number, reason: number): void {
    if (this.udp.onGone(slot)) return;
    const end = this.#expect(slot, 'onConnectFail');
    if (reason !== FAILURES.refused.reason) throw new Error(`reason ${reason}`);
    this.ends.delete(end.slot);
    if (this.#random.chance(4)) this.#maybeOpen();
  }

  onData(slot: number, offset: number, length: number): number {
    const end = this.#expect(slot, 'onData');
    if (end.endedThere) throw new Error(`stream ${end.number} goes on behind its end`);
    if (this.#from === 0 && !end.answered) throw new Error(`stream ${end.number} has data before its answer`);
    const { bytes } = this.session.inbound.slab;
    for (let at = 0; at < length; at++) {
      if (bytes[offset + at] !== byteAt(end.number, 1 - this.#from, end.received + at)) {
        throw new Error(`stream ${end.number}: wrong byte at ${end.received + at}`);
      }
    }
    end.received += length;
    end.unconsumed += length;
    this.#world.delivered += length;
    const consumed = this.#random.chance(2)
      ? this.#consume(end, this.#random.chance(2) ? length : this.#random.size(length))
      : 0;
    if (this.#random.chance(60)) this.abort(end);
    return consumed;
  }

  onEnd(slot: number): void {
    const end = this.#expect(slot, 'onEnd');
    if (end.endedThere) throw new Error(`stream ${end.number} ended twice`);
    end.endedThere = true;
    const sent = this.#world.endedAt.get(`${end.number} ${1 - this.#from}`);
    if (sent !== end.received) throw new Error(`stream ${end.number} lost bytes: ${end.received} of ${sent}`);
    if (this.#random.chance(10)) this.abort(end);
    else if (this.#random.chance(3) && (this.#from === 0 || end.answered)) this.end(end);
    if (this.ends.get(slot) === end) this.#forgetIfOver(end);
  }

  onAbort(slot: number): void {
    if (this.udp.onGone(slot)) return;
    const end = this.#expect(slot, 'onAbort');
    this.ends.delete(end.slot);
    if (this.#random.chance(4)) this.#maybeOpen();
  }

  onRoom(slot: number): void {
    const end = this.#expect(slot, 'onRoom');
    end.readable = true;
    if (this.#random.chance(3)) this.read(end);
  }

  onStatus(json: string): void {
    if (json !== this.#world.status) throw new Error(`STATUS ${json}`);
  }

  onControl({ pace }: ControlOrders): void {
    this.trace(`pace ${pace?.bytesPerSecond}`);
    this.#world.paced = true;
  }

  onGoAway(): void {}

  #maybeOpen(): void {
    if (this.#from === 0 && this.ends.size < STREAMS_MAX && !this.#world.draining) this.open();
  }

  #expect(slot: number, what: string): End {
    const end = this.ends.get(slot);
    if (end === undefined) throw new Error(`${this.#name}: ${what} for slot ${slot}, which has no stream`);
    this.trace(`${what} ${end.number}`);
    return end;
  }

  #forgetIfOver(end: End): void {
    if (end.endedHere && end.endedThere) this.ends.delete(end.slot);
  }

  // --- What must hold after each step -----------------------------------------------------------------------------------------

  check(): void {
    const { streams, outbound } = this.session;
    if (outbound.heldBytes > QUEUE_MAX_BYTES + UDP.shareBytes + PROTOCOL.recordMaxBytes)
      throw new Error(`${this.#name}: ${outbound.heldBytes} bytes are queued`);
    let inUse = 0;
    for (let slot = 0; slot < streams.capacity; slot++)
      if ((streams.flags[slot]! & STREAM.OPEN) !== 0) inUse++;
    if (inUse !== streams.count)
      throw new Error(`${this.#name}: ${streams.count} streams counted, ${inUse} in use`);
    for (const end of this.ends.values()) {
      const { slot } = end;
      if ((streams.flags[slot]! & STREAM.OPEN) === 0)
        throw new Error(`${this.#name}: ${end.number} was dropped`);
      const granted = streams.receiveCredit[slot]! + streams.consumed[slot]! + end.unconsumed;
      if (granted !== streams.window[slot] || granted > PROTOCOL.maxWindowBytes) {
        throw new Error(`${this.#name}: ${end.number} was granted ${granted} of ${streams.window[slot]}`);
      }
      if (granted > this.#world.initialWindowBytes) this.#world.windowsGrown = true;
      const credit = streams.sendCredit[slot]!;
      if (credit > PROTOCOL.maxWindowBytes)
        throw new Error(`${this.#name}: ${end.number} has credit ${credit}`);
    }
  }
}

class World {
  readonly random: Random;
  readonly hub: Side;
  readonly node: Side;
  readonly initialWindowBytes: number;
  readonly bytesMax: number;
  /** Of both sides together: a full one must not stop anyone. */
  readonly windowBudget: WindowBudget;
  windowsGrown = false;
  /** Whether the node was given a rate. */
  paced = false;
  /** Whether the sessions ask their link what it holds, and whether one found it slow. */
  readonly measures: boolean;
  /** Whether they put marks between their bytes instead. */
  readonly marks: boolean;
  tight = false;
  readonly status = '{"version":"simulated"}';
  /** By stream and side: how many bytes it had sent when it ended. */
  readonly endedAt = new Map<string, number>();
  readonly events: string[] = [];
  readonly #up: Pipe;
  readonly #down: Pipe;
  opened = 0;
  delivered = 0;
  nowMs = 0;
  draining = false;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.initialWindowBytes = this.random.chance(2) ? 1 + this.random.below(3_000) : 30_000;
    this.bytesMax = this.random.chance(10) ? 300_000 : 8_000;
    this.windowBudget = new WindowBudget(this.random.below(100_000));
    this.measures = seed % 2 === 0;
    this.marks = seed % 4 === 1;
    this.hub = new Side(this, 0);
    this.node = new Side(this, 1);
    this.#up = new Pipe(this.random);
    this.#down = new Pipe(this.random);
  }

  trace(event: string): void {
    this.events.push(event);
    if (this.events.length > 200) this.events.shift();
  }

  step(): void {
    const { random } = this;
    this.nowMs += random.below(4);
    const [side, out, back] = random.chance(2)
      ? ([this.hub, this.#down, this.#up] as const)
      : ([this.node, this.#up, this.#down] as const);
    const end = random.pick([...side.ends.values()]);
    switch (random.below(20)) {
      case 16:
      case 17:
      case 18:
      case 19:
        side.udp.act();
        return;
      case 0:
      case 1:
        if (this.hub.ends.size < STREAMS_MAX) this.hub.open();
        return;
      case 2: {
        const unanswered = random.pick([...this.node.ends.values()].filter(({ answered }) => !answered));
        if (unanswered !== undefined) this.node.answer(unanswered);
        return;
      }
      case 3:
        if (end !== undefined && random.chance(3)) side.abort(end);
        return;
      case 4:
        if (end !== undefined && random.chance(2) && (side === this.hub || end.answered)) side.end(end);
        return;
      case 5:
        if (end !== undefined) side.consume(end, random.size(20_000));
        return;
      case 6:
        this.#sessionEvent();
        return;
      case 7:
        if (random.chance(3)) out.stalled = !out.stalled;
        return;
      case 8:
      case 9:
      case 10:
        // A turn of a reactor: sockets in their order.
        for (const one of [...side.ends.values()]) if (side.ends.get(one.slot) === one) side.read(one);
        side.flush(out, false);
        return;
      case 11:
      case 12:
        side.flush(out, random.chance(2));
        return;
      default:
        side.receive(back, random.size(60_000));
    }
  }

  #sessionEvent(): void {
    const { random } = this;
    if (random.chance(2)) this.node.session.sendStatus(this.status);
    if (random.chance(3)) this.#pace();
    if (random.chance(4)) (random.chance(2) ? this.node : this.hub).session.sendGoAway();
    this.nowMs += random.below(SESSION.deadAfterPingMs / 4);
    for (const { session } of [this.hub, this.node]) session.tick(this.nowMs);
  }

  /** A rate for either side, low enough to be felt, or none any more. */
  #pace(): void {
    const { random } = this;
    const bytesPerSecond = random.chance(4) ? null : 5_000 + random.size(2_000_000);
    if (random.chance(2)) this.hub.session.setPace(bytesPerSecond);
    else this.hub.session.sendControl({ pace: { bytesPerSecond } });
  }

  check(): void {
    this.hub.check();
    this.node.check();
  }

  /** Everything flows, everyone finishes. */
  drain(): void {
    this.draining = true;
    this.#up.open();
    this.#down.open();
    for (let step = 0; ; step++) {
      if (step > DRAIN_STEPS_MAX) throw new Error('a deadlock');
      this.nowMs += DRAIN_STEP_MS;
      for (const [side, out, back] of [
        [this.hub, this.#down, this.#up],
        [this.node, this.#up, this.#down],
      ] as const) {
        side.udp.abortAll();
        for (const end of [...side.ends.values()]) {
          if (side === this.node && !end.answered) side.answer(end);
          if (side.ends.get(end.slot) !== end) continue;
          side.consume(end, end.unconsumed);
          side.read(end);
        }
        side.flush(out, true);
        side.receive(back, 66_000);
      }
      this.check();
      if (this.#isQuiet()) return;
    }
  }

  #isQuiet(): boolean {
    if (!this.#up.isEmpty || !this.#down.isEmpty) return false;
    return [this.hub, this.node].every(
      ({ ends, udp, session }) =>
        ends.size === 0 &&
        udp.open.size === 0 &&
        session.streams.count === 0 &&
        session.owesNothing &&
        !session.holdsOrders &&
        !session.hasBlocked &&
        session.outbound.heldBytes === 0,
    );
  }

  release(): void {
    this.hub.session.release();
    this.node.session.release();
  }
}

export interface Summary {
  readonly streams: number;
  readonly deliveredBytes: number;
  readonly datagrams: number;
  readonly cut: boolean;
  /** Whether any receive window grew. */
  readonly grown: boolean;
  /** Whether the node was given a rate. */
  readonly paced: boolean;
  /** Whether a session found its link slow. */
  readonly tight: boolean;
}

/** Throws an error that names the seed, with the last events. */
export function simulate(seed: number): Summary {
  const world = new World(seed);
  const { random } = world;
  const steps = 50 + random.below(300);
  const cut = random.chance(8);
  try {
    for (let step = 0; step < steps; step++) {
      world.step();
      world.check();
    }
    if (!cut) world.drain();
    if (!cut && (outboundPool.taken !== 0 || inboundPool.taken !== 0))
      throw new Error('a quiet session holds a slab');
    if (!cut && world.windowBudget.usedBytes !== 0)
      throw new Error('a closed stream keeps its share of the windows');
    world.release();
    if (world.windowBudget.usedBytes !== 0) throw new Error('a window was not given back');
    if (outboundPool.taken !== 0 || inboundPool.taken !== 0) throw new Error('a slab was not given back');
  } catch (error) {
    outboundPool.taken = 0;
    inboundPool.taken = 0;
    const reason = error instanceof Error ? error.stack : String(error);
    throw new Error(
      `seed ${seed} (again: RESTUNNEL_SIM_SEED=${seed}): ${reason}\nbefore it:\n${world.events.slice(-40).join('\n')}`,
    );
  }
  return {
    streams: world.opened,
    deliveredBytes: world.delivered,
    paced: world.paced,
    tight: world.tight,
    datagrams: world.hub.udp.delivered + world.node.udp.delivered,
    cut,
    grown: world.windowsGrown,
  };
}
