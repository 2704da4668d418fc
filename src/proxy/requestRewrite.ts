// Rewrites a request in absolute-form into the one that the client would have sent to the target itself.

import { CONNECTION_CLOSE, CONNECTION_UPGRADE, CRLF, HeadWriter } from './headWriter.ts';
import { contentLength, FIELD, type FieldIndex } from './httpFields.ts';

const QUESTION = 0x3f;
const SPACE = Buffer.from(' ');
const SLASH = Buffer.from('/');
const STAR = Buffer.from('*');
const OPTIONS = Buffer.from('OPTIONS');
const HOST_NAME = Buffer.from('Host: ');
const VERSION_LINE_END = Buffer.from(' HTTP/1.1\r\n');

const writer = new HeadWriter();

/** What was found in the head. Places are in its bytes. */
export interface AbsoluteRequest {
  readonly methodAt: number;
  readonly methodEnd: number;
  readonly authorityAt: number;
  readonly authorityEnd: number;
  /** Of path and query, which may be empty. */
  readonly pathAt: number;
  readonly targetEnd: number;
  readonly httpMinor: 0 | 1;
  /** The client asks for a WebSocket. */
  readonly isUpgrade: boolean;
  readonly hasHost: boolean;
  /** Max-Forwards counts for this method. */
  readonly lowersForwards: boolean;
}

/**
 * The head for the target. It must see what it would see from an ordinary client on the exit node: no Via (which RFC 9110 section 7.6.3
 * asks of proxies), no Forwarded, the client's order and spelling of headers, the target's authority where the client had Host, and
 * Connection where the client had it. One stream serves one request: close.
 */
export function rewriteRequest(bytes: Uint8Array, fields: FieldIndex, request: AbsoluteRequest): Uint8Array {
  const { httpMinor, isUpgrade, hasHost, lowersForwards } = request;
  writer.begin();
  writeRequestLine(bytes, request);
  if (!hasHost) writeHost(bytes, request);
  let connectionLine: Uint8Array | undefined = isUpgrade ? CONNECTION_UPGRADE : CONNECTION_CLOSE;
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind[i]!;
    if (kind === FIELD.host) writeHost(bytes, request);
    else if (kind === FIELD.maxForwards && lowersForwards) writeForwards(bytes, fields, i);
    else if (kind === FIELD.expect && httpMinor === 0) {
      // An HTTP/1.0 client waits for no 100 (RFC 9110 section 10.1.1).
    } else if (kind <= FIELD.expect || (kind === FIELD.upgrade && isUpgrade)) {
      writer.copy(bytes, fields.nameAt[i]!, fields.valueEnd[i]!);
      writer.add(CRLF);
    } else if (connectionLine && (kind === FIELD.connection || kind === FIELD.proxyConnection)) {
      writer.add(connectionLine);
      connectionLine = undefined;
    }
  }
  if (connectionLine) writer.add(connectionLine);
  writer.add(CRLF);
  return writer.take();
}

/** In origin-form; an OPTIONS without a path asks about the server, in asterisk-form (RFC 9112 section 3.2.4). */
function writeRequestLine(bytes: Uint8Array, request: AbsoluteRequest): void {
  const { methodAt, methodEnd, pathAt, targetEnd } = request;
  writer.copy(bytes, methodAt, methodEnd);
  writer.add(SPACE);
  const isEmpty = pathAt === targetEnd;
  if (isEmpty && isOptions(bytes, methodAt, methodEnd)) writer.add(STAR);
  else if (isEmpty || bytes[pathAt] === QUESTION) writer.add(SLASH);
  writer.copy(bytes, pathAt, targetEnd);
  writer.add(VERSION_LINE_END);
}

function isOptions(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== OPTIONS.length) return false;
  for (let i = 0; i < OPTIONS.length; i++) if (bytes[start + i] !== OPTIONS[i]) return false;
  return true;
}

function writeHost(bytes: Uint8Array, { authorityAt, authorityEnd }: AbsoluteRequest): void {
  writer.add(HOST_NAME);
  writer.copy(bytes, authorityAt, authorityEnd);
  writer.add(CRLF);
}

/** Max-Forwards, one less; one that is no number stays what it is. */
function writeForwards(bytes: Uint8Array, fields: FieldIndex, i: number): void {
  const left = contentLength(bytes, fields.valueAt[i]!, fields.valueEnd[i]!);
  writer.copy(bytes, fields.nameAt[i]!, left < 0 ? fields.valueEnd[i]! : fields.valueAt[i]!);
  if (left > 0) writer.add(Buffer.from(`${left - 1}`));
  writer.add(CRLF);
}
