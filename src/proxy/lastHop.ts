// The answer to OPTIONS or TRACE with Max-Forwards: 0 (RFC 9110 section 7.6.2): the request ends at this proxy, which answers in place of
// a target.

import { CONNECTION_CLOSE, CRLF, HeadWriter } from './headWriter.ts';
import { equalsText, FIELD, type FieldIndex } from './httpFields.ts';

const OK_LINE = Buffer.from('HTTP/1.1 200 OK\r\n');
const EMPTY_BODY = Buffer.from('Content-Length: 0\r\n');
/** What TRACE must not show (RFC 9110 section 9.3.8). */
const SECRETS = [Buffer.from('authorization'), Buffer.from('cookie')];

const writer = new HeadWriter();

/** To OPTIONS: a whole response. */
export function answerToOptions(): Uint8Array {
  writer.begin();
  writer.add(OK_LINE);
  writer.add(EMPTY_BODY);
  writer.add(CONNECTION_CLOSE);
  writer.add(CRLF);
  return writer.take();
}

/** To TRACE: a whole response that shows the request as it was received. bytes[start, linesAt) is the request line. */
export function answerToTrace(
  bytes: Uint8Array,
  start: number,
  linesAt: number,
  fields: FieldIndex,
): Uint8Array {
  writer.begin();
  writer.copy(bytes, start, linesAt);
  for (let i = 0; i < fields.count; i++) {
    const nameAt = fields.nameAt[i]!;
    const nameEnd = fields.nameEnd[i]!;
    const isSecret = SECRETS.some((name) => equalsText(bytes, nameAt, nameEnd, name));
    if (isSecret || fields.kind[i] === FIELD.proxyAuthorization) continue;
    writer.copy(bytes, nameAt, fields.valueEnd[i]!);
    writer.add(CRLF);
  }
  writer.add(CRLF);
  const request = writer.take();
  const head = `Content-Type: message/http\r\nContent-Length: ${request.length}\r\n`;
  return Buffer.concat([OK_LINE, Buffer.from(head), CONNECTION_CLOSE, CRLF, request]);
}
