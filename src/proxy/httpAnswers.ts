// The proxy's own HTTP answers: the 200 that opens a tunnel, and the failure that names its reason.

import { FAILURES, type FailureName } from '../model/failures.ts';

/** RFC 9110 section 9.3.6: any 2xx; this is the reason phrase that every client knows. Shared: do not write to it. */
export const connectEstablished: Uint8Array = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n');

const REASON_PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  407: 'Proxy Authentication Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** RFC 9110 section 11.7.1 and RFC 7617 section 2.1: part of every 407. */
const CHALLENGE = 'Proxy-Authenticate: Basic realm="restunnel", charset="UTF-8"\r\n';

/** A detail may come from anywhere, so it is cut. */
const DETAIL_MAX_CHARS = 512;

/**
 * A whole response for a failure: status, Proxy-Status (RFC 9209) and one sentence of text, followed by `detail` if there is one.
 * `bodiless` answers a HEAD request: the same head without the text. `fields` are more header lines, each with its CRLF.
 */
export function encodeHttpFailure(
  name: FailureName,
  detail = '',
  keepAlive = false,
  bodiless = false,
  fields = '',
): Uint8Array {
  const { httpStatus, proxyStatus, sentence } = FAILURES[name];
  const text = detail === '' ? sentence : `${sentence}: ${detail.slice(0, DETAIL_MAX_CHARS)}`;
  const body = Buffer.from(`${text}\n`);
  const head =
    `HTTP/1.1 ${httpStatus} ${REASON_PHRASES[httpStatus]}\r\n` +
    `Proxy-Status: restunnel; error=${proxyStatus}; details=${structuredString(text)}\r\n` +
    (httpStatus === 407 ? CHALLENGE : '') +
    fields +
    'Content-Type: text/plain; charset=utf-8\r\n' +
    `Content-Length: ${body.length}\r\n` +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`;
  return bodiless ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body]);
}

/** An sf-string (RFC 8941 section 3.3.3): printable ASCII in quotes. Every other character becomes "?". */
function structuredString(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
