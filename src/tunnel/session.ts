// One session, either side: many streams over one encrypted connection. Pure: bytes come and go through inbound and outbound, time is
// an argument, effects go to the handler.

import type { HubListPart } from '../cluster/hubListParts.ts';
import { UDP } from '../limits/datagrams.ts';
import { WINDOW } from '../limits/path.ts';
import { SESSION } from '../limits/session.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { TransportCipher } from '../noise/cipher.ts';
import { CAPABILITY } from '../noise/payload.ts';
import type { ControlOrders } from './controlOrders.ts';
import { ControlSender } from './controlSender.ts';
import { Counters } from './counters.ts';
import { DatagramSender } from './datagramSender.ts';
import { DatagramShare } from './datagramShare.ts';
import type { Feed } from './feed.ts';
import { Inbound } from './inboundRecords.ts';
import { Lifecycle } from './lifecycle.ts';
import { Liveness } from './liveness.ts';
import { MarkedFeed } from './markedFeed.ts';
import { Outbound, outboundSlabBytes } from './outboundRecords.ts';
import { OwedFrames } from './owed.ts';
import { Rates } from './rates.ts';
import { ReceiveCredit } from './receiveCredit.ts';
import { Receiver } from './receiver.ts';
import { RoundTrip } from './roundTrip.ts';
import { Sender } from './sender.ts';
import { SendRate } from './sendRate.ts';
import type { SessionHandler } from './sessionHandler.ts';
import { Silence } from './silence.ts';
import type { SlabPool } from './slabPool.ts';
import { SocketFeed } from './socketFeed.ts';
import { Stall } from './stall.ts';
import { StreamFrames } from './streamFrames.ts';
import { Streams } from './streams.ts';
import { Turns } from './turns.ts';
import { WindowBudget } from './window.ts';

export interface SessionOptions {
  /** Whether this side opens streams: the hub does. */
  opens: boolean;
  sendCipher: TransportCipher;
  receiveCipher: TransportCipher;
  outboundPool: SlabPool;
  inboundPool: SlabPool;
  queueMaxBytes: number;
  handler: SessionHandler;
  nowMs: number;
  /** Credit of a new stream in each direction: what message 2 of the handshake said. */
  initialWindowBytes?: number;
  /** CAPABILITY bits in force; none when absent. */
  capabilities?: number;
  /** Hub: nothing is sent before greet() or the first stream, because the first record promises the node that streams come. */
  waitsToGreet?: boolean;
  /** The socket does not say what its system holds: what is under way to a peer that knows marks is bounded instead, from the first byte. */
  marks?: boolean;
  /** What growing windows may take in all sessions of the thread. Without one, windows stay as they are. */
  threadBudget?: WindowBudget;
}

export class Session {
  readonly streams: Streams;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly counters = new Counters();
  /** What goes to the socket, and when. */
  readonly feed: Feed;
  readonly capabilities: number;
  /** The time of this turn. receive() sets it; the owner sets it before sendDatagram() and prepare(). */
  nowMs: number;
  readonly #owed: OwedFrames;
  readonly #credit: ReceiveCredit;
  readonly #lifecycle: Lifecycle;
  readonly #turns: Turns;
  readonly #rate = new SendRate();
  readonly #sender: Sender;
  readonly #datagrams: DatagramSender;
  readonly #control: ControlSender;
  readonly #receiver: Receiver;
  readonly #roundTrip: RoundTrip;
  readonly #liveness: Liveness;
  readonly #silence: Silence;
  readonly #stall: Stall;
  #isSilent: boolean;

  constructor(options: SessionOptions) {
    const { opens, handler, nowMs, queueMaxBytes } = options;
    if (options.outboundPool.slabBytes < outboundSlabBytes(queueMaxBytes)) {
      throw new RangeError('the slabs of a session are too small for its queue');
    }
    this.nowMs = nowMs;
    this.#isSilent = options.waitsToGreet === true;
    this.capabilities = options.capabilities ?? 0;
    const { counters } = this;
    const rate = this.#rate;
    const initialWindowBytes = options.initialWindowBytes ?? PROTOCOL.initialWindowBytes;
    const budget = new WindowBudget(WINDOW.sessionBudgetBytes, options.threadBudget ?? new WindowBudget(0));
    const marksOnly = options.marks === true && this.knowsMarks;
    const feed = marksOnly
      ? new MarkedFeed(queueMaxBytes, nowMs)
      : new SocketFeed(queueMaxBytes, this.knowsMarks);
    const share = new DatagramShare(UDP.shareBytes);
    const streams = new Streams(initialWindowBytes);
    const inbound = new Inbound(options.receiveCipher, options.inboundPool);
    const outbound = new Outbound(options.sendCipher, options.outboundPool);
    const turns = new Turns(streams);
    const rates = new Rates(nowMs);
    const roundTrip = new RoundTrip(nowMs);
    const owed = new OwedFrames(streams, outbound, {
      topUp: (slot) => this.#credit.topUp(slot, this.nowMs, roundTrip.ms),
      free: (slot) => this.#lifecycle.free(slot),
      endWritten: (slot) => this.#lifecycle.freeIfOver(slot),
    });
    const credit = new ReceiveCredit(streams, owed, budget, initialWindowBytes);
    const lifecycle = new Lifecycle(streams, turns, owed, credit, opens);
    this.feed = feed;
    this.streams = streams;
    this.inbound = inbound;
    this.outbound = outbound;
    this.#turns = turns;
    this.#roundTrip = roundTrip;
    this.#owed = owed;
    this.#credit = credit;
    this.#lifecycle = lifecycle;
    this.#liveness = new Liveness(nowMs);
    this.#silence = new Silence(nowMs, opens ? SESSION.hubAskedPingMinMs : SESSION.askedPingMinMs);
    this.#stall = new Stall(nowMs);
    const onRoom = (slot: number) => handler.onRoom(slot);
    this.#sender = new Sender({ streams, outbound, owed, turns, rate, feed, share, counters, onRoom });
    this.#datagrams = new DatagramSender({ streams, outbound, turns, rate, feed, share, counters });
    this.#control = new ControlSender(owed, nowMs);
    const { speaksUdp, knowsGoAway, knowsControl, knowsMarks } = this;
    this.#receiver = new Receiver({
      streamFrames: new StreamFrames({
        streams,
        lifecycle,
        credit,
        rates,
        counters,
        handler,
        opens,
        speaksUdp,
      }),
      inbound,
      handler,
      owed,
      rates,
      roundTrip,
      rate,
      counters,
      opens,
      knowsGoAway,
      knowsControl,
      knowsMarks,
      feed,
    });
  }

  /** Whether both sides announced UDP. */
  get speaksUdp(): boolean {
    return (this.capabilities & CAPABILITY.udp) !== 0;
  }

  /** Whether both sides announced GOAWAY. */
  get knowsGoAway(): boolean {
    return (this.capabilities & CAPABILITY.goaway) !== 0;
  }

  /** Whether both sides announced CONTROL. */
  get knowsControl(): boolean {
    return (this.capabilities & CAPABILITY.control) !== 0;
  }

  /** Whether both sides announced MARK. */
  get knowsMarks(): boolean {
    return (this.capabilities & CAPABILITY.marks) !== 0;
  }

  /** Hub: streams may come from now on. Says so with a PING, our first record; until then nothing is sent. */
  greet(nowMs: number): void {
    this.#isSilent = false;
    this.ping(nowMs);
  }

  // --- Opening -------------------------------------------------------------------------------------------------------------------

  /** Hub: a new stream towards host:port; its slot, or -1 when the session is full. DATA may follow at once. */
  open(host: string, port: number): number {
    this.#isSilent = false;
    this.counters.streamsOpened++;
    return this.#lifecycle.open(host, port);
  }

  /** Hub: a new association; its slot, or -1 when the session is full. Nothing may be sent on it before onConnectOk(). */
  openUdp(): number {
    if (!this.speaksUdp) throw new Error('the peer knows no UDP');
    this.#isSilent = false;
    this.counters.streamsOpened++;
    return this.#lifecycle.openUdp();
  }

  /** Node: the connection is made. */
  accept(slot: number): void {
    this.#lifecycle.accept(slot);
  }

  /** Node: the connection can't be made. The stream is over. */
  refuse(slot: number, reason: number): void {
    this.#lifecycle.refuse(slot, reason);
  }

  // --- Local socket to tunnel ----------------------------------------------------------------------------------------------------

  /** How many bytes may be read for this stream straight into outbound.slab at dataOffset(). 0: none now; onRoom() will say when. */
  dataRoom(slot: number): number {
    return this.#sender.dataRoom(slot, this.nowMs);
  }

  /** After dataRoom() > 0: where the bytes go. */
  dataOffset(): number {
    return this.#sender.dataOffset();
  }

  /** `bytes` were written at dataOffset(). */
  commitData(slot: number, bytes: number): void {
    this.#sender.commitData(slot, bytes);
  }

  /** Sends bytes[start, end), a header and data, as one datagram of an association. False: dropped, there was no room. */
  sendDatagram(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#datagrams.send(slot, bytes, start, end, this.nowMs);
  }

  /** This side sends no more on the stream; the other direction lives on. */
  end(slot: number): void {
    this.#lifecycle.end(slot);
  }

  /** Gives the stream up in both directions. No callback for the slot comes after. */
  abort(slot: number): void {
    this.#lifecycle.abort(slot);
  }

  /** Whether both directions have ended: the local socket can go, the slot frees itself when its last frame is written. */
  isOver(slot: number): boolean {
    return this.#lifecycle.isOver(slot);
  }

  // --- Tunnel to local socket ----------------------------------------------------------------------------------------------------

  /**
   * Opens and handles every whole record received. Throws ProtocolError; close the session then. The handler may release() the session:
   * nothing more is handled then.
   */
  receive(nowMs: number): void {
    this.nowMs = nowMs;
    const records = this.counters.recordsReceived;
    this.#receiver.receive(nowMs);
    this.#silence.heard(this.#asked);
    this.#liveness.heard(nowMs, this.counters.recordsReceived > records, this.inbound.holdsPart);
  }

  /**
   * `bytes` that onData() kept have left for the local socket (or were thrown away), on a node after accept(): the peer may send as many
   * again. Not for what onData() returns.
   */
  consumed(slot: number, bytes: number): void {
    this.#credit.consumed(slot, bytes);
  }

  // --- Session frames ------------------------------------------------------------------------------------------------------------

  sendStatus(json: string): void {
    const bytes = new TextEncoder().encode(json);
    if (bytes.length > SESSION.statusMaxBytes) throw new RangeError('STATUS is too long');
    this.#owed.status(bytes);
  }

  /** Hub: false when the node does not know CONTROL. An order that was not sent yet gives way to a later one of its kind. */
  sendControl(orders: ControlOrders): boolean {
    if (!this.knowsControl) return false;
    this.#control.add(orders);
    return true;
  }

  /** Hub: the parts go out one after the other, in place of what is left of an earlier list. Nothing for a node that does not know CONTROL. */
  sendHubList(parts: readonly HubListPart[]): void {
    if (this.knowsControl) this.#control.addHubList(parts);
  }

  /** Hub: as sendControl(), for a node that gets no streams: it goes out although nothing has promised any. */
  turnAway(orders: ControlOrders): boolean {
    if (!this.sendControl(orders)) return false;
    this.#isSilent = false;
    return true;
  }

  /** Whether orders wait for their time: prepare() sends them, if it is called again. */
  get holdsOrders(): boolean {
    return this.#control.holdsOrders;
  }

  /** Nothing for a peer that does not know it. */
  sendGoAway(): void {
    if (!this.knowsGoAway) return;
    this.#isSilent = false;
    this.#owed.goAway();
  }

  get goAwayReceived(): boolean {
    return this.#receiver.goAwayReceived;
  }

  // --- Time ----------------------------------------------------------------------------------------------------------------------

  /** Call it when tickDueInMs() is over. 'dead' (the peer is silent) and 'stuck' (it takes nothing): close the session. */
  tick(nowMs: number): 'alive' | 'dead' | 'stuck' {
    const { sentBytes, queuedBytes } = this.outbound;
    if (this.#stall.isStuck(sentBytes, queuedBytes, nowMs)) return 'stuck';
    const verdict = this.#liveness.check(nowMs);
    if (verdict === 'dead') return 'dead';
    if (verdict === 'ping') this.ping(nowMs);
    return 'alive';
  }

  /** Whether the peer was sent a CONNECT or DATA, and nothing came from it since. */
  get isUnanswered(): boolean {
    return this.#silence.isUnanswered(this.#asked);
  }

  /** The network has changed: a peer that still is there answers the PING, and watch() gives up another. */
  doubt(nowMs: number): void {
    this.#silence.doubt();
    if (!this.pingUnanswered) this.ping(nowMs);
  }

  /** Before the first of several watch(). */
  beginWatch(nowMs: number): void {
    this.#silence.begin(nowMs);
  }

  /**
   * Every SESSION.silenceCheckMs while it is unanswered: whether the peer still is there. 'silent', once: it may not be. `acknowledgedBytes`:
   * by its TCP.
   */
  watch(nowMs: number, acknowledgedBytes: number): 'alive' | 'asked' | 'silent' | 'dead' {
    const verdict = this.#silence.check(nowMs, this.#asked, acknowledgedBytes, this.#roundTrip.loadedMs);
    if (verdict === 'dead' || verdict === 'silent') return verdict;
    if (verdict === 'wait') return 'alive';
    if (!this.pingUnanswered) this.ping(nowMs);
    return 'asked';
  }

  /** Whether watch() has asked: from then on it needs what TCP acknowledged. */
  get isAsked(): boolean {
    return this.#silence.isPinged;
  }

  get #asked(): number {
    return this.counters.streamsOpened + this.counters.dataBytesSent;
  }

  tickDueInMs(nowMs: number): number {
    return this.#liveness.dueInMs(nowMs);
  }

  /** Sends a PING now: its answer measures the round trip. */
  ping(nowMs: number): void {
    this.#owed.ping(this.#roundTrip.ask(nowMs));
  }

  /** Whether the last PING waits for its PONG. Once answered, everything sent before it has arrived. */
  get pingUnanswered(): boolean {
    return this.#roundTrip.unanswered;
  }

  /** Of answered PINGs, leaning to the shortest; -1 before the first. */
  get roundTripMs(): number {
    return this.#roundTrip.ms;
  }

  // --- End of a turn -------------------------------------------------------------------------------------------------------------

  /** Writes the control frames that are owed, as far as there is room, and seals the open record: ready for the socket. */
  prepare(): void {
    if (this.#isSilent) return;
    const mayMeasure = this.counters.recordsReceived > 0 && !this.pingUnanswered;
    if (mayMeasure && this.#roundTrip.isDue(this.nowMs)) this.ping(this.nowMs);
    this.#control.flush(this.nowMs);
    this.#turns.flushed();
    this.#mark();
    this.#owed.write();
    this.outbound.seal();
  }

  #mark(): void {
    const number = this.feed.mark(this.outbound.sentBytes + this.outbound.heldBytes, this.nowMs);
    if (number >= 0) this.#owed.mark(number);
  }

  get owesNothing(): boolean {
    return this.#owed.nothing;
  }

  get hasBlocked(): boolean {
    return this.#sender.hasBlocked;
  }

  /** After the socket took bytes: lets blocked streams try again, in turn. */
  wakeBlocked(): void {
    this.#sender.wakeBlocked(this.nowMs);
  }

  /** What this side sends from now on keeps to this rate; null lifts it. Call wakeBlocked() soon. */
  setPace(bytesPerSecond: number | null): void {
    this.#rate.set(bytesPerSecond, this.nowMs);
  }

  /** Milliseconds until wakeBlocked() is due for the sake of the rate, or prepare() for that of a mark; -1 when nobody waits for that. */
  get paceDueInMs(): number {
    const rateMs = this.#sender.rateDueInMs(this.nowMs);
    if (rateMs >= 0) return rateMs;
    return this.feed.markDueInMs(this.outbound.sentBytes + this.outbound.heldBytes);
  }

  /** The session is over: every slab goes back, the keys are wiped. */
  release(): void {
    this.#receiver.stop();
    this.#credit.release();
    this.inbound.release();
    this.outbound.release();
    this.inbound.wipe();
    this.outbound.wipe();
  }
}
