// Connections to hubs until their handshake is done: dial (Happy Eyeballs, RFC 8305), ask the proxy if there is one, then the web server if
// there is one, send the first message, receive the second, hand it to the main thread.

import type { IpAddress } from '../base/ipAddress.ts';
import type { Slab } from '../base/slab.ts';
import type { FromExit, ToExit } from '../engine/messages.ts';
import type { Carrier } from '../engine/tunnel.ts';
import { WebSocketCarrier } from '../engine/webSocketCarrier.ts';
import { NODE } from '../limits/node.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { isDefaultPort } from '../model/way.ts';
import { formatUpgrade, headLength, readUpgradeAnswer } from '../proxy/webSocketUpgrade.ts';
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

/**
 * Puts TLS on a connection: its bytes are the plain ones from now on, under the id that this returns; the old one is void. `handler` may hear
 * later that TLS did not come about. Throws Error without a free descriptor.
 */
export type SecureDial = (
  conn: ConnId,
  dial: number,
  host: string,
  handler: ConnHandler & { tlsFailed(dial: number, reason: string): void },
) => ConnId;

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
  /** How the web server is asked; null without one. */
  readonly web: HubDialOrder['web'];
  /** As far as the web server's answer came, while its head is not whole. */
  answer: Uint8Array;
  /** What carries the tunnel: a WebSocket once the web server has opened it. */
  carrier: Carrier;
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
  readonly #secure: SecureDial;

  constructor(reactor: Reactor, tell: (message: FromExit) => void, secure: SecureDial) {
    this.#reactor = reactor;
    this.#tell = tell;
    this.#secure = secure;
    this.#scratch = reactor.slab(NODE.dialScratchBytes);
  }

  dial({ dial, addresses: literals, port, via, web, message1 }: HubDialOrder): void {
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
      web,
      answer: new Uint8Array(0),
      carrier: this.#reactor,
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
    if (entry.greeting === null) this.#begin(dial, entry);
    else this.#send(dial, entry, entry.greeting.hello);
  }

  /** The way to the hub, or to the web server in front of it, is open. */
  #begin(tag: number, dial: HubDial): void {
    if (dial.web === null) this.#sendMessage1(tag, dial);
    else this.#askWebServer(tag, dial, dial.web);
  }

  #askWebServer(tag: number, dial: HubDial, { way, key }: NonNullable<HubDialOrder['web']>): void {
    const { host, port, webSocket = { secure: true, path: '/' } } = way;
    try {
      if (webSocket.secure) dial.conn = this.#secure(dial.conn, tag, host, this);
    } catch (error) {
      this.#fail(tag, (error as Error).message);
      return;
    }
    const where = { host, port, path: webSocket.path, isDefaultPort: isDefaultPort(way) };
    this.#send(tag, dial, formatUpgrade(where, key, dial.message1));
  }

  /** TLS did not come about, as somebody else has found out. */
  tlsFailed(dial: number, reason: string): void {
    if (this.#dials.has(dial)) this.#fail(dial, reason);
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
    if (dial.web !== null && dial.carrier === this.#reactor) {
      this.#hearWebServer(tag, dial, dial.web.key);
      return;
    }
    this.#take(tag, dial, dial.carrier.read(conn, this.#scratch, 0, this.#wanted(dial)));
  }

  /** `read`: bytes of the second message in the scratch slab, or why there are none. */
  #take(tag: number, dial: HubDial, read: number): void {
    if (read === WOULD_BLOCK) return;
    if (read <= 0) {
      this.#fail(
        tag,
        read === END ? silence(dial) : `the connection to the hub broke (${codeOfErrno(-read)})`,
      );
      return;
    }
    if (dial.receivedBytes + read > dial.received.length) {
      this.#fail(tag, 'the hub answered with something other than a handshake');
      return;
    }
    dial.received.set(this.#scratch.bytes.subarray(0, read), dial.receivedBytes);
    dial.receivedBytes += read;
    const left = this.#wanted(dial);
    if (left < 0) this.#fail(tag, 'the hub answered with something other than a handshake');
    if (left !== 0) return;
    dial.answered = true;
    this.#reactor.pauseRead(dial.conn);
    this.#tell({
      type: 'message2',
      dial: tag,
      message2: dial.received.slice(PROTOCOL.lengthBytes, dial.receivedBytes),
    });
  }

  #hearWebServer(tag: number, dial: HubDial, key: string): void {
    const { bytes } = this.#scratch;
    const read = this.#reactor.read(dial.conn, this.#scratch, 0, bytes.length);
    if (read === WOULD_BLOCK) return;
    if (read <= 0) {
      const how = read === END ? 'closed the connection' : `broke the connection (${codeOfErrno(-read)})`;
      this.#fail(tag, `the web server ${how}`);
      return;
    }
    const answer = Buffer.concat([dial.answer, bytes.subarray(0, read)]);
    const length = headLength(answer, answer.length);
    dial.answer = answer;
    if (length < 0) {
      if (answer.length > NODE.webAnswerMaxBytes) this.#fail(tag, 'the web server answers without end');
      return;
    }
    const refusal = readUpgradeAnswer(answer.subarray(0, length), key);
    if (refusal !== null) {
      this.#fail(tag, `${refusal}: ${UNKNOWN_HERE}`);
      return;
    }
    const carrier = new WebSocketCarrier(this.#reactor, 'node');
    dial.carrier = carrier;
    const rest = answer.subarray(length);
    if (rest.length === 0) return;
    bytes.set(rest);
    this.#take(tag, dial, carrier.decode(dial.conn, this.#scratch, 0, rest.length));
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
      this.#begin(tag, dial);
    }
  }

  /** Bytes of the second message still to come: its length first; -1 when that is out of bounds. */
  #wanted(dial: HubDial): number {
    if (dial.receivedBytes < PROTOCOL.lengthBytes) return PROTOCOL.lengthBytes - dial.receivedBytes;
    const length = (dial.received[0]! << 8) | dial.received[1]!;
    if (length < PROTOCOL.message2OverheadBytes || length > PROTOCOL.handshakeMaxBytes) return -1;
    return PROTOCOL.lengthBytes + length - dial.receivedBytes;
  }

  /** The handshake is done: the connection is the caller's; null when it broke meanwhile. */
  take(dial: number): { readonly conn: ConnId; readonly carrier: Carrier } | null {
    const entry = this.#dials.get(dial);
    if (entry === undefined) return null;
    this.#dials.delete(dial);
    this.#reactor.clearTimer(entry.timer);
    this.#endRace(entry);
    return { conn: entry.conn, carrier: entry.carrier };
  }

  cancel(dial: number): void {
    const { conn = 0 } = this.take(dial) ?? {};
    if (conn !== 0) this.#reactor.close(conn);
  }

  onTimer(dial: number): void {
    const entry = this.#dials.get(dial)!;
    this.#fail(dial, entry.greeting !== null ? 'the proxy of --via gave no answer' : silence(entry));
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

const UNKNOWN_HERE =
  'this device is not paired with the hub (the link was used, has expired, or the device was revoked), or the hub cannot look that up now; if it stays so, make a new link with restunnel pair';
const SILENCE = `the hub gave no answer: ${UNKNOWN_HERE.replace('the hub (', 'it (')}`;

function silence({ web }: HubDial): string {
  return web === null ? SILENCE : 'the web server gave no answer';
}
