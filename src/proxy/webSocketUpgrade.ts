// How a tunnel begins behind a web server: the node's GET carries the first message of its handshake, and the hub answers 101 to a device that
// it lets in, 404 to everybody else (RFC 6455, section 4). Pure: bytes in, bytes out.

import { createHash } from 'node:crypto';
import { bracketed, type HostPort } from '../base/hostPort.ts';
import { PROTOCOL } from '../limits/wire.ts';

/** RFC 6455, section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = /^[A-Za-z0-9+/]{22}==$/;
/** Web servers keep it out of their logs. */
const BEARER = /^Bearer ([A-Za-z0-9_-]+)$/i;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const MESSAGE1_MIN_BYTES = PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes;

export interface UpgradeRequest {
  /** Sec-WebSocket-Key. */
  readonly key: string;
  /** With its mac1. */
  readonly message1: Uint8Array;
}

interface Head {
  readonly firstLine: string;
  /** By name in lower case; the values of one that comes again, behind a comma. */
  readonly fields: ReadonlyMap<string, string>;
}

/** `text`: the head with the empty line behind it, as latin1. Null: it is not well formed. */
function parseHead(text: string): Head | null {
  const [firstLine = '', ...lines] = text.slice(0, -4).split('\r\n');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    const before = fields.get(name.toLowerCase());
    fields.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  return { firstLine, fields };
}

/** The length of the head in bytes[0, end), with the empty line behind it; -1 while it is not whole. */
export function headLength(bytes: Uint8Array, end: number): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, end).indexOf('\r\n\r\n');
  return at < 0 ? -1 : at + 4;
}

// --- The hub's side ----------------------------------------------------------------------------------------------------------------

/** What a request says, for whoever it is from. */
export interface WebRequest {
  /** Null: it is no tunnel's, whatever the reason. */
  readonly upgrade: UpgradeRequest | null;
  /** X-Forwarded-For; '' without one. */
  readonly forwardedFor: string;
}

export function readRequest(head: Uint8Array): WebRequest {
  const parsed = parseHead(Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1'));
  if (parsed === null) return { upgrade: null, forwardedFor: '' };
  return { upgrade: readUpgrade(parsed), forwardedFor: parsed.fields.get('x-forwarded-for') ?? '' };
}

/** The path is the web server's business. */
function readUpgrade({ firstLine, fields }: Head): UpgradeRequest | null {
  const key = fields.get('sec-websocket-key') ?? '';
  const asks =
    /^GET \S+ HTTP\/1\.1$/.test(firstLine) &&
    hasToken(fields.get('upgrade'), 'websocket') &&
    hasToken(fields.get('connection'), 'upgrade') &&
    fields.get('sec-websocket-version') === '13' &&
    KEY.test(key);
  const encoded = BEARER.exec(fields.get('authorization') ?? '')?.[1];
  if (!asks || encoded === undefined) return null;
  const message1 = new Uint8Array(Buffer.from(encoded, 'base64url'));
  const fits = message1.length >= MESSAGE1_MIN_BYTES && message1.length <= PROTOCOL.handshakeMaxBytes;
  return fits ? { key, message1 } : null;
}

function hasToken(value: string | undefined, token: string): boolean {
  return (value ?? '').split(',').some((part) => part.trim().toLowerCase() === token);
}

export function switchingProtocols(key: string): Uint8Array {
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
}

/** The web server in front puts a page of its own in its place. */
export const NOT_FOUND: Uint8Array = Buffer.from(
  'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
);

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64');
}

// --- The node's side ---------------------------------------------------------------------------------------------------------------

/** `key`: 16 random bytes in base64. */
export function formatUpgrade(
  { host, port, path, isDefaultPort }: HostPort & { readonly path: string; readonly isDefaultPort: boolean },
  key: string,
  message1: Uint8Array,
): Uint8Array {
  const authority = isDefaultPort ? bracketed(host) : `${bracketed(host)}:${port}`;
  const encoded = Buffer.from(message1.buffer, message1.byteOffset, message1.length).toString('base64url');
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nAuthorization: Bearer ${encoded}\r\n\r\n`,
  );
}

/** Null: the tunnel is open. Otherwise why it is not. */
export function readUpgradeAnswer(head: Uint8Array, key: string): string | null {
  const parsed = parseHead(Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1'));
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(parsed?.firstLine ?? '')?.[1];
  if (parsed === null || status === undefined) return 'the web server answers with something other than HTTP';
  if (status !== '101') return `the web server answers ${status}`;
  const isOurs = parsed.fields.get('sec-websocket-accept') === acceptOf(key);
  return isOurs ? null : 'the web server answers for another request';
}
