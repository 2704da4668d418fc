// Connections to hubs until their handshake is done: dial (Happy Eyeballs, RFC 8305), ask the proxy if there is one, send the first
// message, receive the second, hand it to the main thread.

import type { IpAddress } from '../base/ipAddress.ts';
import type { Slab } from '../base/slab.ts';
import type { FromExit, ToExit } from '../engine/messages.ts';
import { NODE } from '../limits/bounds.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { codeOfErrno } from '../reactor/errno.ts';
import {
  type ConnHandler,
  type ConnId,
  END,
  type Reactor,
  type TimerHandler,
  type TimerId,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';
import { distinctAddresses } from './nameCache.ts';
import { greetingFor, type ProxyGreeting } from './proxyGreeting.ts';

export type HubDialOrder = Omit<Extract<ToExit, { type: 'dial' }>, 'type'>;

interface HubDial {
  readonly addresses: readonly IpAddress[];
  readonly port: number;
  /** Index of the address to try next. */
  next: number;
  /** Connects under way. */
  connecting: ConnId[];
  /** Until the next connect starts beside those under way; 0: none set. */
  delayTimer: TimerId;
  /** 0 until one has connected. */
  conn: ConnId;
  /** Until the proxy has opened the way; null without one. */
  greeting: ProxyGreeting | null;
  readonly message1: Uint8Array;
  /** The second message with its length in front, as far as it came. */
  readonly received: Uint8Array;
  receivedBytes: number;
  /** Control has the second message. */
  answered: boolean;
  timer: TimerId;
}

export class HubDials implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #tell: (message: FromExit) => void;
  readonly #scratch: Slab;
  readonly #dials = new Map<number, HubDial>();
  readonly #onDelay: TimerHandler = { onTimer: (dial) => this.#delayOver(dial) };

  constructor(reactor: Reactor, tell: (message: FromExit) => void) {
    this.#reactor = reactor;
    this.#tell = tell;
    this.#scratch = reactor.slab(PROTOCOL.lengthBytes + PROTOCOL.handshakeMaxBytes);
  }

  dial({ dial, addresses: literals, port, via, message1 }: HubDialOrder): void {
    const addresses = distinctAddresses(literals).slice(0, NODE.attemptsMax);
    if (addresses.length === 0) {
      this.#fail(dial, `cannot connect to the hub: this device cannot dial the address ${literals[0]}`);
      return;
    }
    const entry: HubDial = {
      addresses,
      port,
      next: 0,
      connecting: [],
      delayTimer: 0,
      conn: 0,
      greeting: via === null ? null : greetingFor(via.proxy, via.hub),
      message1,
      received: new Uint8Array(PROTOCOL.lengthBytes + PROTOCOL.handshakeMaxBytes),
      receivedBytes: 0,
      answered: false,
      timer: this.#reactor.setTimer(2 * NODE.handshakeTimeoutMs, this, dial),
    };
    this.#dials.set(dial, entry);
    this.#connectNext(dial, entry);
  }

  #connectNext(tag: number, dial: HubDial): void {
    const address = dial.addresses[dial.next++]!;
    dial.connecting.push(this.#reactor.connect(address, dial.port, NODE.handshakeTimeoutMs, this, tag));
    if (dial.next < dial.addresses.length) {
      dial.delayTimer = this.#reactor.setTimer(NODE.attemptDelayMs, this.#onDelay, tag);
    }
  }

  #delayOver(tag: number): void {
    const dial = this.#dials.get(tag)!;
    dial.delayTimer = 0;
    this.#connectNext(tag, dial);
  }

  /** No more connects for this dial, and those under way end. */
  #endRace(dial: HubDial): void {
    if (dial.delayTimer !== 0) this.#reactor.clearTimer(dial.delayTimer);
    dial.delayTimer = 0;
    for (const conn of dial.connecting) this.#reactor.close(conn);
    dial.connecting = [];
  }

  onConnected(conn: ConnId, dial: number): void {
    const entry = this.#dials.get(dial)!;
    entry.conn = conn;
    entry.connecting.splice(entry.connecting.indexOf(conn), 1);
    this.#endRace(entry);
    this.#tell({ type: 'dialled', dial, localAddress: this.#reactor.localAddress(conn) });
    if (entry.greeting === null) this.#sendMessage1(dial, entry);
    else this.#send(dial, entry, entry.greeting.hello);
  }

  #sendMessage1(tag: number, dial: HubDial): void {
    const { message1 } = dial;
    const framed = new Uint8Array(PROTOCOL.lengthBytes + message1.length);
    framed[0] = message1.length >>> 8;
    framed[1] = message1.length;
    framed.set(message1, PROTOCOL.lengthBytes);
    this.#send(tag, dial, framed);
  }

  /** A new connection takes far more than this at once. */
  #send(tag: number, dial: HubDial, bytes: Uint8Array): void {
    this.#scratch.bytes.set(bytes);
    if (this.#reactor.write(dial.conn, this.#scratch, 0, bytes.length) !== bytes.length) {
      this.#fail(tag, 'the hub takes no bytes');
    }
  }

  onConnectFailed(conn: ConnId, dial: number, errno: number): void {
    const entry = this.#dials.get(dial)!;
    entry.connecting.splice(entry.connecting.indexOf(conn), 1);
    if (entry.next < entry.addresses.length) {
      // No need to wait: the one before has failed.
      if (entry.delayTimer !== 0) this.#reactor.clearTimer(entry.delayTimer);
      this.#connectNext(dial, entry);
    } else if (entry.connecting.length === 0)
      this.#fail(
        dial,
        `cannot connect to the ${entry.greeting === null ? 'hub' : 'proxy of --via'} (${codeOfErrno(errno)})`,
      );
  }

  /** Reads the second message to its last byte and no further: what follows are records. */
  onReadable(conn: ConnId, tag: number): void {
    const dial = this.#dials.get(tag)!;
    if (dial.greeting !== null) {
      this.#hearProxy(tag, dial, dial.greeting);
      return;
    }
    const wanted = this.#wanted(dial);
    const read = this.#reactor.read(conn, this.#scratch, 0, wanted);
    if (read === WOULD_BLOCK) return;
    if (read <= 0) {
      this.#fail(tag, read === END ? SILENCE : `the connection to the hub broke (${codeOfErrno(-read)})`);
      return;
    }
    dial.received.set(this.#scratch.bytes.subarray(0, read), dial.receivedBytes);
    dial.receivedBytes += read;
    const left = this.#wanted(dial);
    if (left < 0) this.#fail(tag, 'the hub answered with something other than a handshake');
    if (left !== 0) return;
    dial.answered = true;
    this.#reactor.pauseRead(conn);
    this.#tell({
      type: 'message2',
      dial: tag,
      message2: dial.received.slice(PROTOCOL.lengthBytes, dial.receivedBytes),
    });
  }

  #hearProxy(tag: number, dial: HubDial, greeting: ProxyGreeting): void {
    const { bytes } = this.#scratch;
    const read = this.#reactor.read(dial.conn, this.#scratch, 0, bytes.length);
    if (read === WOULD_BLOCK) return;
    if (read <= 0) {
      const how = read === END ? 'closed the connection' : `broke the connection (${codeOfErrno(-read)})`;
      this.#fail(tag, `the proxy of --via ${how}`);
      return;
    }
    const step = greeting.receive(bytes.slice(0, read));
    if ('refused' in step) this.#fail(tag, step.refused);
    else if ('send' in step) this.#send(tag, dial, step.send);
    else if (step.open) {
      dial.greeting = null;
      this.#sendMessage1(tag, dial);
    }
  }

  /** Bytes of the second message still to come: its length first; -1 when that is out of bounds. */
  #wanted(dial: HubDial): number {
    if (dial.receivedBytes < PROTOCOL.lengthBytes) return PROTOCOL.lengthBytes - dial.receivedBytes;
    const length = (dial.received[0]! << 8) | dial.received[1]!;
    if (length < PROTOCOL.message2OverheadBytes || length > PROTOCOL.handshakeMaxBytes) return -1;
    return PROTOCOL.lengthBytes + length - dial.receivedBytes;
  }

  /** The handshake is done: the connection is the caller's; 0 when it broke meanwhile. */
  take(dial: number): ConnId {
    const entry = this.#dials.get(dial);
    if (entry === undefined) return 0;
    this.#dials.delete(dial);
    this.#reactor.clearTimer(entry.timer);
    this.#endRace(entry);
    return entry.conn;
  }

  cancel(dial: number): void {
    const conn = this.take(dial);
    if (conn !== 0) this.#reactor.close(conn);
  }

  onTimer(dial: number): void {
    const isAtProxy = this.#dials.get(dial)?.greeting !== null;
    this.#fail(dial, isAtProxy ? 'the proxy of --via gave no answer' : SILENCE);
  }

  onBroken(_conn: ConnId, dial: number, errno: number): void {
    this.#fail(dial, `the connection to the hub broke (${codeOfErrno(errno)})`);
  }

  onWritable(): void {}

  #fail(dial: number, reason: string): void {
    this.cancel(dial);
    this.#tell({ type: 'dialFailed', dial, reason });
  }
}

const SILENCE =
  'the hub gave no answer: this device is not paired with it (the link was used, has expired, or the device was revoked), or the hub cannot look that up now; if it stays so, make a new link with restunnel pair';
