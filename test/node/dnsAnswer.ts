// What a name server says, in a few lines: A and AAAA records of one name (RFC 1035, section 4).

import { IpAddress } from '../../src/base/ipAddress.ts';

const HEADER_BYTES = 12;
const TYPE_A = 1;
const NO_SUCH_NAME = 3;

/** Of the question, in lower case. */
export function nameOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = HEADER_BYTES; query[at] !== 0; at += query[at]! + 1) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  }
  return labels.join('.').toLowerCase();
}

/** @param addresses null: there is no such name */
export function answerTo(query: Buffer, addresses: readonly string[] | null, ttlSeconds: number): Buffer {
  const questionEnd = query.indexOf(0, HEADER_BYTES) + 5;
  const type = query.readUInt16BE(questionEnd - 4);
  const records = (addresses ?? [])
    .map((address) => IpAddress.of(address))
    .filter(({ isIPv4 }) => isIPv4 === (type === TYPE_A))
    .map((address) => {
      const record = Buffer.alloc(12 + address.addressBytes);
      record.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(ttlSeconds, 6);
      record.writeUInt16BE(address.addressBytes, 10);
      address.writeTo(record, 12);
      return record;
    });
  const answer = Buffer.concat([query.subarray(0, questionEnd), ...records]);
  answer[2] = 0x84 | (query[2]! & 1);
  answer[3] = 0x80 | (addresses === null ? NO_SUCH_NAME : 0);
  answer.writeUInt16BE(records.length, 6);
  answer.writeUInt16BE(0, 8);
  answer.writeUInt16BE(0, 10);
  return answer;
}
