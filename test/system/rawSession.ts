// A peer that has a valid key and otherwise obeys no rule: a node to a real hub, or a hub to real nodes. The test writes its records.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import type { SessionKeys } from '../../src/model/sessionKeys.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { answerInitiator } from '../../src/noise/handshake.ts';
import type { KeyPair } from '../../src/noise/keyPair.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { decodeMessage1, decodeMessage2, encodeMessage2, VERSION } from '../../src/noise/payload.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { decodeFrames, encodeFrames, type Frame, frame, TYPE } from '../tunnel/framesTwin.ts';
import { firstMessage, newKeyPair, withLength } from './firstContact.ts';
import { eventually, type Hub, makeLink } from './harness.ts';

/** Frames of one record when many are sent. */
const FRAMES_PER_RECORD = 1_000;

export class RawSession {
  readonly socket: Socket;
  /** What the peer sent, as far as it was read. */
  readonly frames: Frame[] = [];
  closed = false;
  readonly #seal: TransportCipher;
  readonly #open: TransportCipher;
  #unread: Uint8Array;

  /** `early`: bytes that came behind the handshake. */
  constructor(socket: Socket, keys: SessionKeys, early: Uint8Array) {
    this.socket = socket;
    this.#seal = new TransportCipher(sodiumAead(keys.sendKey));
    this.#open = new TransportCipher(sodiumAead(keys.receiveKey));
    this.#unread = early;
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    this.#receive(new Uint8Array(0));
  }

  #receive(data: Uint8Array): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    for (;;) {
      const unread = this.#unread;
      if (unread.length < 2) return;
      const length = unread[0]! * 256 + unread[1]!;
      if (unread.length < 2 + length) return;
      const slab = testSlab(length);
      slab.bytes.set(unread.subarray(2, 2 + length));
      if (!this.#open.open(slab, 0, length)) throw new Error('the peer sealed what does not open');
      this.frames.push(...decodeFrames(slab.bytes.subarray(0, length - PROTOCOL.tagBytes))!);
      this.#unread = unread.subarray(2 + length);
    }
  }

  /** One record around these bytes. */
  sealed(plain: Uint8Array): Uint8Array {
    const slab = testSlab(2 + plain.length + PROTOCOL.tagBytes);
    slab.bytes.set(plain, 2);
    this.#seal.seal(slab, 2, plain.length);
    slab.view.setUint16(0, plain.length + PROTOCOL.tagBytes);
    return slab.bytes;
  }

  /** Sends records of many frames; resolves when they have left, or can leave no more. */
  async send(...frames: Frame[]): Promise<void> {
    for (let at = 0; at < frames.length; at += FRAMES_PER_RECORD) {
      await this.sendPlain(encodeFrames(frames.slice(at, at + FRAMES_PER_RECORD)));
    }
  }

  sendPlain(plain: Uint8Array): Promise<void> {
    return this.sendBytes(this.sealed(plain));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    if (this.closed || this.socket.write(bytes)) return;
    await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]).catch(() => {});
  }

  /** The next frame of that type that was not asked for yet. */
  async next(type: number): Promise<Frame> {
    return eventually(() => {
      const at = this.frames.findIndex((one) => one.type === type);
      if (at < 0) throw new Error(`no frame of type ${type} came`);
      return this.frames.splice(at, 1)[0]!;
    });
  }

  /** Both sides have seen everything sent before. */
  async settled(): Promise<void> {
    await this.send(frame(TYPE.PING, 0, [9, 9, 9, 9, 9, 9, 9, 9]));
    await this.next(TYPE.PONG);
  }

  /** The peer has ended the session. */
  async untilClosed(): Promise<void> {
    this.socket.resume();
    await eventually(() => this.closed);
  }
}

/** A paired device that connects again and again. */
export class RawNode {
  readonly id: string;
  readonly #hub: Hub;
  readonly #keyPair: KeyPair;
  readonly #hubPublicKey: Uint8Array;
  #token: Uint8Array | undefined;

  private constructor(hub: Hub, link: string) {
    const { hubPublicKey, token } = parseLink(link);
    this.#hub = hub;
    this.#hubPublicKey = hubPublicKey;
    this.#token = token;
    this.#keyPair = newKeyPair();
    this.id = nodeIdOf(this.#keyPair.publicKey);
  }

  static async pair(hub: Hub): Promise<RawNode> {
    return new RawNode(hub, (await makeLink(hub)).link);
  }

  /** A session that the hub routes streams to. */
  async connect(): Promise<RawSession> {
    const { bytes, initiator } = firstMessage({
      hubPublicKey: this.#hubPublicKey,
      keyPair: this.#keyPair,
      ...(this.#token === undefined ? {} : { token: this.#token }),
    });
    this.#token = undefined;
    const socket = connect(this.#hub.tunnel, () => socket.write(bytes));
    const { message, rest } = await readMessage(socket);
    const { payload, ...keys } = initiator.finish(message);
    decodeMessage2(payload);
    const session = new RawSession(socket, keys, rest);
    await session.send(frame(TYPE.STATUS, 0, Buffer.from('{}')));
    // Streams come from now on.
    await session.next(TYPE.PING);
    return session;
  }
}

/** Accepts one session of a real node after the other. */
export class RawHub {
  readonly link: string;
  readonly name: string;
  readonly #server: Server;
  readonly #keyPair: KeyPair;
  readonly #sessions: RawSession[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.#keyPair = newKeyPair();
    const { port } = server.address() as AddressInfo;
    this.name = `127.0.0.1:${port}`;
    this.link = formatLink({
      host: '127.0.0.1',
      port,
      hubPublicKey: this.#keyPair.publicKey,
      token: new Uint8Array(PROTOCOL.tokenBytes).fill(7),
    });
    server.on('connection', (socket) => void this.#answer(socket));
  }

  static start(): Promise<RawHub> {
    const server = createServer();
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(new RawHub(server))));
  }

  async #answer(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    const { message, rest } = await readMessage(socket);
    const answer = answerInitiator({
      staticKeyPair: this.#keyPair,
      message1: message,
      answer: (remoteStatic, payload) =>
        encodeMessage2(
          {
            version: VERSION,
            capabilities: 0,
            initialWindowBytes: PROTOCOL.initialWindowBytes,
            maxStreams: PROTOCOL.maxStreamsPerSession,
            observedAddress: '',
            enrolledAs: decodeMessage1(payload).enroll === null ? null : nodeIdOf(remoteStatic),
          },
          0,
        ),
    });
    if (answer === null) throw new Error('the node sent a first message that deserves no answer');
    socket.write(withLength(answer.message2));
    this.#sessions.push(new RawSession(socket, answer, rest));
  }

  /** The session with the node, greeted. */
  async session(): Promise<RawSession> {
    const session = await eventually(() => this.#sessions.shift() ?? false);
    if (session === false) throw new Error('no session');
    await session.settled();
    return session;
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.#sessions) socket.destroy();
  }
}

/** The first message behind its length, and what came with it. */
export function readMessage(socket: Socket): Promise<{ message: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const read = (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const end = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE();
      if (received.length < end) return;
      socket.off('data', read);
      resolve({ message: received.subarray(2, end), rest: received.subarray(end) });
    };
    socket.on('data', read);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
}
