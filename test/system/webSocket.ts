// Just enough WebSocket (RFC 6455) for an echo: short, unfragmented text frames. The server part attaches to a node:http server; the client
// part runs on any connection that reaches it.

import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 0x81;
const CLOSE = 0x88;

export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/** Answers every upgrade and sends every text back. */
export function serveEcho(server: Server): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const accept = acceptOf(String(request.headers['sec-websocket-key']));
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    let received = head;
    const take = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (;;) {
        const frame = readFrame(received);
        if (frame === null) return;
        received = received.subarray(frame.length);
        if (frame.opcode === CLOSE) {
          socket.end(Buffer.from([CLOSE, 0]));
          return;
        }
        socket.write(encodeText(frame.text, false));
      }
    };
    socket.on('data', take);
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    take(Buffer.alloc(0));
  });
}

export function newKey(): string {
  return randomBytes(16).toString('base64');
}

export function encodeText(text: string, masked: boolean): Buffer {
  const payload = Buffer.from(text);
  if (payload.length >= 126) throw new RangeError('only short texts');
  if (!masked) return Buffer.concat([Buffer.from([TEXT, payload.length]), payload]);
  const mask = randomBytes(4);
  return Buffer.concat([
    Buffer.from([TEXT, 0x80 | payload.length]),
    mask,
    payload.map((byte, i) => byte ^ mask[i & 3]!),
  ]);
}

/** The first whole frame, or null. */
export function readFrame(bytes: Buffer): { opcode: number; text: string; length: number } | null {
  if (bytes.length < 2) return null;
  const maskBytes = (bytes[1]! & 0x80) === 0 ? 0 : 4;
  const size = bytes[1]! & 0x7f;
  const start = 2 + maskBytes;
  if (bytes.length < start + size) return null;
  const payload = Buffer.from(bytes.subarray(start, start + size));
  if (maskBytes > 0) for (let i = 0; i < size; i++) payload[i]! ^= bytes[2 + (i & 3)]!;
  return { opcode: bytes[0]!, text: payload.toString(), length: start + size };
}
