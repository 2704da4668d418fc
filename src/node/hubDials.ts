// Connections to hubs until their handshake is done: dial, send the first message, receive the second, hand it to the main thread.

import { IpAddress } from '../base/ipAddress.ts';
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

interface HubDial {
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

  constructor(reactor: Reactor, tell: (message: FromExit) => void) {
    this.#reactor = reactor;
    this.#tell = tell;
    this.#scratch = reactor.slab(PROTOCOL.lengthBytes + PROTOCOL.handshakeMaxBytes);
  }

  /** @param literal an IP literal */
  dial(dial: number, literal: string, port: number, message1: Uint8Array): void {
    const address = IpAddress.parse(literal);
    if (address === null) {
      this.#fail(dial, `cannot connect to the hub: this device cannot dial the address ${literal}`);
      return;
    }
    this.#dials.set(dial, {
      conn: this.#reactor.connect(address, port, NODE.handshakeTimeoutMs, this, dial),
      message1,
      received: new Uint8Array(PROTOCOL.lengthBytes + PROTOCOL.handshakeMaxBytes),
      receivedBytes: 0,
      answered: false,
      timer: this.#reactor.setTimer(2 * NODE.handshakeTimeoutMs, this, dial),
    });
  }

  onConnected(conn: ConnId, dial: number): void {
    this.#tell({ type: 'dialled', dial, localAddress: this.#reactor.localAddress(conn) });
    const { message1 } = this.#dials.get(dial)!;
    const { bytes } = this.#scratch;
    bytes[0] = message1.length >>> 8;
    bytes[1] = message1.length;
    bytes.set(message1, PROTOCOL.lengthBytes);
    const length = PROTOCOL.lengthBytes + message1.length;
    if (this.#reactor.write(conn, this.#scratch, 0, length) !== length)
      this.#fail(dial, 'the hub takes no bytes');
  }

  onConnectFailed(_conn: ConnId, dial: number, errno: number): void {
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
