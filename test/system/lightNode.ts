// Exit nodes that need no targets: each answers every stream itself, with its own id. Hundreds fit into one process, and a client sees
// which node served it.

import { connect, type Socket } from 'node:net';
import { ENGINE } from '../../src/limits/bounds.ts';
import { parseLink } from '../../src/model/pairingLink.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import type { KeyPair } from '../../src/noise/keyPair.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { CAPABILITY, decodeMessage2 } from '../../src/noise/payload.ts';
import { OUTBOUND_SLAB_BYTES } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { STREAM } from '../../src/tunnel/streams.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { firstMessage, hostAndPort, newKeyPair } from './firstContact.ts';
import { eventually } from './harness.ts';
import { readMessage } from './rawSession.ts';

const POOLED = 4;
const outboundPool = new SlabPool(testSlab, OUTBOUND_SLAB_BYTES, POOLED * OUTBOUND_SLAB_BYTES, 0);
const inboundPool = new SlabPool(testSlab, ENGINE.tunnelReadBytes, POOLED * ENGINE.tunnelReadBytes, 0);
const TICK_MS = 1_000;
/** A hub that will not answer is silent for ten seconds. */
const ATTEMPT_MS = 1_000;
const ATTEMPTS_MAX = 30;

/** What a request's path asks a LightNode for; every other path gets the node's id. */
export const HOLD_PATH = '/hold';

export class LightNode {
  readonly id: string;
  readonly name: string;
  readonly #tunnel: string;
  readonly #hubPublicKey: Uint8Array;
  readonly #keyPair: KeyPair = newKeyPair();
  #token: Uint8Array | undefined;
  #carrier: Carrier | null = null;
  /** Refuses every stream with this reason, when set. */
  refuseReason: number | null = null;
  /** Loses its network at the next stream, instead of an answer. */
  vanishesAtConnect = false;
  /** Loses its network when it is asked for a page. */
  vanishesAtRequest = false;
  /** Streams that it was asked for. */
  connects = 0;
  /** What came on streams, by the first line of each piece. */
  readonly heard: string[] = [];
  /** What it says of itself. */
  status: Record<string, unknown> = { platform: 'linux' };

  /** `link`: one that was not used yet. `tunnel`: where the hub really listens. */
  constructor(link: string, tunnel: string, name: string) {
    const { hubPublicKey, token } = parseLink(link);
    this.#hubPublicKey = hubPublicKey;
    this.#token = token;
    this.#tunnel = tunnel;
    this.name = name;
    this.id = nodeIdOf(this.#keyPair.publicKey);
  }

  get connected(): boolean {
    return this.#carrier !== null && !this.#carrier.closed;
  }

  get streams(): number {
    return this.#carrier?.session.streams.count ?? 0;
  }

  /** Resolves when the hub routes to it. Like a device it tries again: a hub allows one address only so many handshakes a second. */
  async connect(): Promise<void> {
    for (let attempt = 1; this.#carrier === null; attempt++) {
      try {
        this.#carrier = await this.#dial();
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #dial(): Promise<Carrier> {
    const { bytes, initiator } = firstMessage({
      hubPublicKey: this.#hubPublicKey,
      keyPair: this.#keyPair,
      name: this.name,
      ...(this.#token === undefined ? {} : { token: this.#token }),
    });
    const socket = connect(hostAndPort(this.#tunnel), () => socket.write(bytes));
    socket.setNoDelay(true);
    socket.setTimeout(ATTEMPT_MS, () => socket.destroy());
    const { message, rest } = await readMessage(socket);
    socket.setTimeout(0);
    this.#token = undefined;
    const { payload, ...keys } = initiator.finish(message);
    const { initialWindowBytes, capabilities } = decodeMessage2(payload);
    const agreed = capabilities & CAPABILITY.goaway;
    const carrier = new Carrier(this, socket, keys, initialWindowBytes, agreed);
    carrier.session.sendStatus(JSON.stringify(this.status));
    carrier.flush();
    carrier.receive(rest);
    await eventually(() => carrier.greeted || carrier.closed);
    if (carrier.closed) throw new Error(`the hub closed the session of ${this.name}`);
    return carrier;
  }

  /** Without a word, as a device that loses its network: streams and all. */
  vanish(): void {
    this.#carrier?.socket.destroy();
    this.#carrier = null;
  }

  /** Sends so many bytes on every stream that holds and has the credit. How many bytes that were. */
  pulse(bytesEach: number): number {
    return this.#carrier?.pulse(bytesEach) ?? 0;
  }
}

/** One session of a LightNode, on a socket of node:net. */
class Carrier implements SessionHandler {
  readonly socket: Socket;
  readonly session: Session;
  closed = false;
  greeted = false;
  readonly #node: LightNode;
  readonly #holding = new Set<number>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    node: LightNode,
    socket: Socket,
    keys: { sendKey: Uint8Array; receiveKey: Uint8Array },
    initialWindowBytes: number,
    capabilities: number,
  ) {
    this.#node = node;
    this.socket = socket;
    this.session = new Session({
      opens: false,
      sendCipher: new TransportCipher(sodiumAead(keys.sendKey)),
      receiveCipher: new TransportCipher(sodiumAead(keys.receiveKey)),
      outboundPool,
      inboundPool,
      queueMaxBytes: ENGINE.tunnelQueueBytes,
      handler: this,
      nowMs: performance.now(),
      initialWindowBytes,
      capabilities,
    });
    socket.on('data', (data: Buffer) => this.receive(data));
    socket.on('error', () => {});
    socket.on('close', () => this.#close());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  receive(data: Uint8Array): void {
    for (let at = 0; at < data.length && !this.closed; ) {
      const { inbound } = this.session;
      const offset = inbound.room();
      const bytes = Math.min(data.length - at, inbound.slab.bytes.length - offset);
      inbound.slab.bytes.set(data.subarray(at, at + bytes), offset);
      inbound.received(bytes);
      at += bytes;
      this.session.receive(performance.now());
      // Its first record says that streams come now.
      this.greeted ||= this.session.counters.recordsReceived > 0;
    }
    this.flush();
  }

  flush(): void {
    if (this.closed) return;
    const { outbound } = this.session;
    this.session.prepare();
    while (outbound.queuedBytes > 0) {
      const { headOffset, queuedBytes } = outbound;
      this.socket.write(outbound.slab.bytes.slice(headOffset, headOffset + queuedBytes));
      outbound.sent(queuedBytes);
      if (!this.session.owesNothing) this.session.prepare();
    }
    if (this.session.hasBlocked) this.session.wakeBlocked();
  }

  #tick(): void {
    if (this.session.tick(performance.now()) === 'alive') this.flush();
    else this.socket.destroy();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.#timer);
    this.session.release();
  }

  pulse(bytesEach: number): number {
    let sent = 0;
    if (this.closed) return 0;
    for (const slot of this.#holding) sent += this.#say(slot, new Uint8Array(bytesEach));
    this.flush();
    return sent;
  }

  /** As many of the bytes as have credit and room; the answers here are short. */
  #say(slot: number, bytes: Uint8Array): number {
    const room = Math.min(this.session.dataRoom(slot), bytes.length);
    if (room === 0) return 0;
    this.session.outbound.slab.bytes.set(bytes.subarray(0, room), this.session.dataOffset());
    this.session.commitData(slot, room);
    return room;
  }

  onConnect(slot: number): void {
    this.#node.connects++;
    if (this.#node.vanishesAtConnect) this.#node.vanish();
    else if (this.#node.refuseReason !== null) this.session.refuse(slot, this.#node.refuseReason);
    else this.session.accept(slot);
  }

  onData(slot: number, offset: number, length: number): number {
    const { bytes } = this.session.inbound.slab;
    const path = Buffer.from(bytes.subarray(offset, offset + Math.min(length, 64))).toString('latin1');
    this.#node.heard.push(path.split('\r\n', 1)[0]!);
    if (this.#node.vanishesAtRequest) {
      this.#node.vanish();
      return length;
    }
    if (path.startsWith(`GET ${HOLD_PATH}`)) {
      this.#holding.add(slot);
      this.#say(slot, Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n'));
      return length;
    }
    const body = this.#node.id;
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n`;
    this.#say(slot, Buffer.from(head + body));
    return length;
  }

  onEnd(slot: number): void {
    this.#holding.delete(slot);
    if ((this.session.streams.flags[slot]! & STREAM.ENDED_HERE) === 0) this.session.end(slot);
  }

  onAbort(slot: number): void {
    this.#holding.delete(slot);
  }

  onUdpOpen(): void {}
  onDatagram(): void {}
  onConnectOk(): void {}
  onConnectFail(): void {}
  onRoom(): void {}
  onStatus(): void {}
  onControl(): void {}
  onGoAway(): void {}
}
