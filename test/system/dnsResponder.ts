// A name server in a few lines: "3.test" has three addresses.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** Without EDNS an answer has at most so many bytes (RFC 1035, section 4.2.1). */
const PLAIN_MAX_BYTES = 512;
const HEADER_BYTES = 12;

export class DnsResponder {
  readonly socket: Socket;
  queries = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (query, { port, address }) => {
      this.queries++;
      socket.send(answerTo(query), port, address);
    });
  }

  static async start(): Promise<DnsResponder> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsResponder(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  close(): void {
    this.socket.close();
  }
}

/** The addresses of a name that has so many. */
export function addressesOf(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `192.0.2.${at}`);
}

/** The records, or, when the asker has no room for them, a header that says so. */
function answerTo(query: Buffer): Buffer {
  // One question: labels, a zero, type and class. What follows is the OPT record, if any (RFC 6891, section 6.1.2).
  const questionEnd = query.indexOf(0, HEADER_BYTES) + 5;
  const label = query.subarray(HEADER_BYTES + 1, HEADER_BYTES + 1 + query[HEADER_BYTES]!);
  const hasOpt = query.readUInt16BE(10) === 1;
  const roomBytes = hasOpt ? query.readUInt16BE(questionEnd + 3) : PLAIN_MAX_BYTES;
  const opt = hasOpt ? Buffer.from([0, 0, 41, roomBytes >>> 8, roomBytes & 0xff, 0, 0, 0, 0, 0, 0]) : null;

  const records = addressesOf(Number(label.toString())).map((address) =>
    // A pointer to the name of the question, type A, class IN, one minute.
    Buffer.from([0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  );
  const answer = Buffer.concat([query.subarray(0, questionEnd), ...records, ...(opt === null ? [] : [opt])]);
  const isCut = answer.length > roomBytes;
  // A response with authority, for a query that may have wished for recursion.
  answer[2] = 0x84 | (query[2]! & 1) | (isCut ? 2 : 0);
  answer[3] = 0;
  answer.writeUInt16BE(isCut ? 0 : records.length, 6);
  answer.writeUInt16BE(0, 8);
  answer.writeUInt16BE(isCut || !hasOpt ? 0 : 1, 10);
  return isCut ? answer.subarray(0, questionEnd) : answer;
}
