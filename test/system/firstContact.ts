// A device's first bytes to a hub, made by hand, and what comes back: for tests of whom the tunnel port answers.

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { type Initiator, startInitiator } from '../../src/noise/handshake.ts';
import { type KeyPair, keyPairOf } from '../../src/noise/keyPair.ts';
import { CAPABILITY, encodeMessage1, VERSION } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';

export function newKeyPair(): KeyPair {
  return keyPairOf(new Uint8Array(randomBytes(32)));
}

export interface FirstMessage {
  /** With the u16 length in front: what goes over the wire. */
  readonly bytes: Buffer;
  readonly initiator: Initiator;
}

export interface FirstMessageOptions {
  hubPublicKey: Uint8Array;
  keyPair: KeyPair;
  token?: Uint8Array;
  name?: string;
  timestamp?: Uint8Array;
}

export function firstMessage(options: FirstMessageOptions): FirstMessage {
  const { hubPublicKey, keyPair, token, name = 'raw device' } = options;
  const payload = encodeMessage1(
    {
      timestamp: options.timestamp ?? timestampAfter(Date.now(), null),
      version: VERSION,
      capabilities: CAPABILITY.goaway,
      lane: 0,
      enroll: token === undefined ? null : { token, name },
    },
    17,
  );
  const initiator = startInitiator({ staticKeyPair: keyPair, hubPublicKey, payload });
  return { bytes: withLength(initiator.message1), initiator };
}

export function withLength(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(2 + message.length);
  bytes.writeUInt16BE(message.length);
  bytes.set(message, 2);
  return bytes;
}

/** What a stranger heard of the hub until its socket ended. */
export interface Heard {
  readonly bytes: number;
  /** 'end': FIN. Otherwise the error's code. */
  readonly how: string;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** Connects, says the chunks (one write each), and listens until the hub ends the connection. */
export function listenToSilence(
  address: string,
  chunks: readonly Uint8Array[],
  hangUp = false,
): Promise<Heard> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ ...hostAndPort(address), allowHalfOpen: true }, () => {
      socket.setNoDelay(true);
      for (const chunk of chunks) socket.write(chunk);
      if (hangUp) socket.end();
    });
    let bytes = 0;
    let how = 'end';
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      how = error.code ?? error.message;
    });
    const ended = () => {
      resolve({ bytes, how, startedMs, endedMs: performance.now() });
      socket.destroy();
    };
    socket.on('end', ended);
    socket.on('close', ended);
  });
}

/** Says one first message: the second message of the hub, or null when the connection ended without a byte. */
export function listenToAnswer(address: string, bytes: Uint8Array): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(hostAndPort(address), () => socket.write(bytes));
    let received = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const length = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE();
      if (received.length < length) return;
      resolve(received.subarray(2, length));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(null));
  });
}

export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
