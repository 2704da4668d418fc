// Connections to hubs until their handshake is done: dial (Happy Eyeballs, RFC 8305), send the first message, receive the second, hand it to
// the main thread.

import type { IpAddress } from '../base/ipAddress.ts';
import type { Slab } from '../base/slab.ts';
import type { FromExit } from '../engine/messages.ts';
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

  /** @param literals IP literals, in the order in which they are tried */
  dial(dial: number, literals: readonly string[], port: number, message1: Uint8Array): void {
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
    const { message1 } = entry;
    const { bytes } = this.#scratch;
    bytes[0] = message1.length >>> 8;
    bytes[1] = message1.length;
    bytes.set(message1, PROTOCOL.lengthBytes);
    const length = PROTOCOL.lengthBytes + message1.length;
    if (this.#reactor.write(conn, this.#scratch, 0, length) !== length)
      this.#fail(dial, 'the hub takes no bytes');
  }

  onConnectFailed(conn: ConnId, dial: number, errno: number): void {
    const entry = this.#dials.get(dial)!;
    entry.connecting.splice(entry.connecting.indexOf(conn), 1);
    if (entry.next < entry.addresses.length) {
      // No need to wait: the one before has failed.
      if (entry.delayTimer !== 0) this.#reactor.clearTimer(entry.delayTimer);
      this.#connectNext(dial, entry);
    } else if (entry.connecting.length === 0)
      this.#fail(dial, `cannot connect to the hub (${codeOfErrno(errno)})`);
  }

  /** Reads the second message to its last byte and no further: what follows are records. */
  onReadable(conn: ConnId, tag: number): void {
    const dial = this.#dials.get(tag)!;
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
    this.#fail(dial, SILENCE);
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
