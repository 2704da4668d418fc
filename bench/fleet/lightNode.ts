// Exit nodes that need no targets: each answers every stream itself, with its own id. Thousands fit into one process, and a client sees
// which node served it.

import { connect, type Socket } from 'node:net';
import type { Slab } from '../../src/base/slab.ts';
import { ENGINE } from '../../src/limits/engine.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { type Initiator, startInitiator } from '../../src/noise/handshake.ts';
import { type KeyPair, keyPairOf } from '../../src/noise/keyPair.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { CAPABILITY, decodeMessage2, encodeMessage1, VERSION } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { OUTBOUND_SLAB_BYTES } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { STREAM } from '../../src/tunnel/streams.ts';

const POOLED = 4;
const outboundPool = new SlabPool(plainSlab, OUTBOUND_SLAB_BYTES, POOLED * OUTBOUND_SLAB_BYTES, 0);
const inboundPool = new SlabPool(plainSlab, ENGINE.tunnelReadBytes, POOLED * ENGINE.tunnelReadBytes, 0);
/** A hub that will not answer is silent for ten seconds. */
const ATTEMPT_MS = 1_000;
const ATTEMPTS_MAX = 30;
const PADDING_BYTES = 17;

/** What a request's path asks a LightNode for; every other path gets the node's id. */
export const HOLD_PATH = '/hold';

export class LightNode {
  id: string;
  readonly name: string;
  /** The address that it dials from; null: the system's choice. */
  from: string | null = null;
  /** Its session has ended, and it did not end it. */
  onLost: () => void = () => {};
  /** Refuses every stream with this reason, when set. */
  refuseReason: number | null = null;
  /** Loses its network at the next stream, instead of an answer. */
  vanishesAtConnect = false;
  /** Loses its network when it is asked for a page. */
  vanishesAtRequest = false;
  /** Streams that it was asked for. */
  connects = 0;
  /** What came on streams, by the first line of each piece, unless it keeps nothing. */
  readonly heard: string[] = [];
  keepsHeard = true;
  /** What it says of itself. */
  status: Record<string, unknown> = { platform: 'linux' };
  readonly #link: string;
  readonly #tunnel: string;
  readonly #host: string;
  readonly #port: number;
  readonly #hubPublicKey: Uint8Array;
  #keyPair: KeyPair = keyPairOf(crypto.getRandomValues(new Uint8Array(32)));
  lane = 0;
  /** Lanes shake hands one after the other, so that their timestamps arrive in order. */
  #turns: { timestamp: Uint8Array | null; last: Promise<unknown> } = {
    timestamp: null,
    last: Promise.resolve(),
  };
  #token: Uint8Array | null;
  #carrier: Carrier | null = null;

  /** `link`: one that was not used yet. `tunnel`: HOST:PORT where the hub really listens. */
  constructor(link: string, tunnel: string, name: string) {
    const { hubPublicKey, token } = parseLink(link);
    this.#link = link;
    this.#tunnel = tunnel;
    const colon = tunnel.lastIndexOf(':');
    this.#host = tunnel.slice(0, colon).replace(/^\[|\]$/g, '');
    this.#port = Number(tunnel.slice(colon + 1));
    this.#hubPublicKey = hubPublicKey;
    this.#token = token;
    this.name = name;
    this.id = nodeIdOf(this.#keyPair.publicKey);
  }

  /** Another lane of the same device. It may connect once this one is paired. */
  withLane(lane: number): LightNode {
    const other = new LightNode(this.#link, this.#tunnel, this.name);
    other.from = this.from;
    other.keepsHeard = this.keepsHeard;
    other.#keyPair = this.#keyPair;
    other.lane = lane;
    other.#turns = this.#turns;
    other.#token = null;
    other.id = this.id;
    return other;
  }

  /** The same device at another hub of the cluster, with its token if it was not used yet. `publicKey`: of that hub, base64url. */
  atHub(publicKey: string, tunnel: string, { withToken = false } = {}): LightNode {
    const { host, port, token } = parseLink(this.#link);
    const hubPublicKey = new Uint8Array(Buffer.from(publicKey, 'base64url'));
    const other = new LightNode(formatLink({ host, port, hubPublicKey, token }), tunnel, this.name);
    other.from = this.from;
    other.#keyPair = this.#keyPair;
    other.id = this.id;
    if (!withToken) other.#token = null;
    return other;
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
        await this.attempt(ATTEMPT_MS);
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Dials once. Resolves when the hub routes to it; rejects when the hub does not answer in time. */
  attempt(timeoutMs: number): Promise<void> {
    const mine = this.#turns.last.then(() => this.#attempt(timeoutMs));
    this.#turns.last = mine.catch(() => {});
    return mine;
  }

  async #attempt(timeoutMs: number): Promise<void> {
    const local = this.from === null ? {} : { localAddress: this.from };
    let initiator = null as Initiator | null;
    // Not before there is somebody to talk to: thousands of these share a processor.
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, ...local }, () => {
      initiator = this.#shakeHands();
      socket.write(withLength(initiator.message1));
    });
    const late = setTimeout(() => socket.destroy(), timeoutMs);
    try {
      const { message, rest } = await readMessage(socket);
      this.#token = null;
      const { payload: answer, ...keys } = initiator!.finish(message);
      const { initialWindowBytes, capabilities } = decodeMessage2(answer);
      const carrier = new Carrier(this, socket, keys, initialWindowBytes, capabilities & CAPABILITY.goaway);
      carrier.begin(JSON.stringify(this.status), rest);
      await carrier.greeted;
      this.#carrier = carrier;
      carrier.onLost = () => {
        if (this.#carrier !== carrier) return;
        this.#carrier = null;
        this.onLost();
      };
      if (carrier.closed) carrier.onLost();
    } finally {
      clearTimeout(late);
      initiator?.wipe();
    }
  }

  #shakeHands(): Initiator {
    const payload = encodeMessage1(
      {
        timestamp: this.#nextTimestamp(),
        version: VERSION,
        capabilities: CAPABILITY.goaway,
        lane: this.lane,
        enroll: this.#token === null ? null : { token: this.#token, name: this.name },
      },
      PADDING_BYTES,
    );
    return startInitiator({ staticKeyPair: this.#keyPair, hubPublicKey: this.#hubPublicKey, payload });
  }

  #nextTimestamp(): Uint8Array {
    const timestamp = timestampAfter(Date.now(), this.#turns.timestamp);
    this.#turns.timestamp = timestamp;
    return timestamp;
  }

  /** Without a word, as a device that loses its network: streams and all. */
  vanish(): void {
    const carrier = this.#carrier;
    this.#carrier = null;
    carrier?.socket.destroy();
  }

  /** Hears and says nothing more, though its connection stays. */
  fallSilent(): void {
    this.#carrier?.fallSilent();
  }

  /** Hears and says again, beginning with what it did not hear. */
  recover(): void {
    this.#carrier?.recover();
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
  onLost: () => void = () => {};
  /** The hub's first record says that streams come now. Rejects when the session ends before it. */
  readonly greeted: Promise<void>;
  readonly #node: LightNode;
  readonly #holding = new Set<number>();
  #greet: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

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
    this.greeted = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#fail = reject;
    });
  }

  begin(status: string, rest: Uint8Array): void {
    this.socket.on('data', (data: Buffer) => this.#receive(data));
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.#close());
    this.#tickLater();
    this.session.sendStatus(status);
    this.#flush();
    this.#receive(rest);
  }

  #receive(data: Uint8Array): void {
    for (let at = 0; at < data.length && !this.closed; ) {
      const { inbound } = this.session;
      const offset = inbound.room();
      const bytes = Math.min(data.length - at, inbound.slab.bytes.length - offset);
      inbound.slab.bytes.set(data.subarray(at, at + bytes), offset);
      inbound.received(bytes);
      at += bytes;
      this.session.receive(performance.now());
      if (this.session.counters.recordsReceived > 0) this.#greet();
    }
    this.#flush();
  }

  #flush(): void {
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

  #tickLater(): void {
    this.#timer = setTimeout(() => this.#tick(), this.session.tickDueInMs(performance.now()));
  }

  #tick(): void {
    if (this.session.tick(performance.now()) === 'alive') {
      this.#flush();
      this.#tickLater();
    } else this.socket.destroy();
  }

  fallSilent(): void {
    clearTimeout(this.#timer);
    this.socket.pause();
  }

  recover(): void {
    this.socket.resume();
    this.#tickLater();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.#timer);
    this.session.release();
    this.#fail(new Error(`the hub closed the session of ${this.#node.name}`));
    this.onLost();
  }

  pulse(bytesEach: number): number {
    let sent = 0;
    if (this.closed) return 0;
    const bytes = new Uint8Array(bytesEach);
    for (const slot of this.#holding) sent += this.#say(slot, bytes);
    this.#flush();
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
    if (this.#node.keepsHeard) this.#node.heard.push(path.split('\r\n', 1)[0]!);
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

function plainSlab(length: number): Slab {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer), address: 0 };
}

function withLength(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + message.length);
  bytes[0] = message.length >>> 8;
  bytes[1] = message.length;
  bytes.set(message, 2);
  return bytes;
}

/** The first message behind its length, and what came with it. */
function readMessage(socket: Socket): Promise<{ message: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const read = (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const end = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE();
      if (received.length < end) return;
      socket.off('data', read).off('error', reject).off('close', closed);
      resolve({ message: received.subarray(2, end), rest: received.subarray(end) });
    };
    const closed = () => reject(new Error('closed without an answer'));
    socket.on('data', read).on('error', reject).on('close', closed);
  });
}
