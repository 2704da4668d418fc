// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): what a proxy puts in front of a connection to say whose it is. Pure.

import { IpAddress } from '../base/ipAddress.ts';

export interface ProxyHeader {
  /** Of the header: what follows is the connection's. */
  readonly bytes: number;
  /** Null: the proxy speaks for itself (a health check). */
  readonly address: string | null;
}

const V1_START = Buffer.from('PROXY ');
/** With its CRLF. */
const V1_MAX_BYTES = 107;
const V2_START = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_HEAD_BYTES = 16;
const V2_PROXY = 0x21;
const V2_LOCAL = 0x20;
const V2_IPV4 = 1;
const V2_IPV6 = 2;

/** bytes[0, end) came first. 'none': it is no such header. 'part': more has to come. 'malformed': it began as one. */
export function readProxyHeader(bytes: Uint8Array, end: number): ProxyHeader | 'none' | 'part' | 'malformed' {
  const received = Buffer.from(bytes.buffer, bytes.byteOffset, end);
  if (begins(received, V2_START)) return readV2(received);
  if (begins(received, V1_START)) return readV1(received);
  return 'none';
}

/** As far as both go. */
function begins(bytes: Buffer, start: Buffer): boolean {
  const shared = Math.min(bytes.length, start.length);
  return shared > 0 && bytes.compare(start, 0, shared, 0, shared) === 0;
}

function readV1(bytes: Buffer): ProxyHeader | 'part' | 'malformed' {
  const end = bytes.indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MAX_BYTES ? 'part' : 'malformed';
  const line = bytes.toString('latin1', 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { bytes: end + 2, address: null };
  const source = /^PROXY TCP[46] (\S+) \S+ \d+ \d+$/.exec(line)?.[1] ?? '';
  const address = IpAddress.parse(source);
  return address === null ? 'malformed' : { bytes: end + 2, address: address.toString() };
}

function readV2(bytes: Buffer): ProxyHeader | 'part' | 'malformed' {
  if (bytes.length < V2_HEAD_BYTES) return 'part';
  const command = bytes[12]!;
  const family = bytes[13]! >>> 4;
  const length = bytes.readUInt16BE(14);
  const whole = V2_HEAD_BYTES + length;
  if (command !== V2_PROXY && command !== V2_LOCAL) return 'malformed';
  if (bytes.length < whole) return 'part';
  if (command === V2_LOCAL || (family !== V2_IPV4 && family !== V2_IPV6))
    return { bytes: whole, address: null };
  if (length < (family === V2_IPV4 ? 12 : 36)) return 'malformed';
  return { bytes: whole, address: addressAt(bytes, V2_HEAD_BYTES, family === V2_IPV4 ? 4 : 16) };
}

function addressAt(bytes: Buffer, offset: number, length: 4 | 16): string {
  if (length === 4) return bytes.subarray(offset, offset + 4).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(offset + 2 * at).toString(16));
  return IpAddress.of(groups.join(':')).toString();
}
