// Heads of requests as clients send them, and what the parser makes of them.

import { type RequestHead, RequestHeadParser } from '../../src/proxy/httpHead.ts';
import { feedHead } from './cuts.ts';

export interface Outcome extends Partial<Omit<RequestHead, 'head'>> {
  outcome: string;
  detail?: string;
  consumed?: number;
  head?: string;
}

/** What the parser says of a text that comes in pieces. */
export function run(text: string, cuts: readonly number[] = []): Outcome {
  const parser = new RequestHeadParser();
  const consumed = feedHead(Buffer.from(text, 'latin1'), cuts, (...span) => parser.parse(...span));
  if (consumed === 0) return { outcome: 'more' };
  if (consumed < 0) return { outcome: parser.failure, detail: parser.detail };
  const { head, ...request } = parser.request!;
  return { outcome: 'request', consumed, head: Buffer.from(head).toString('latin1'), ...request };
}

export const lines = (...list: string[]) => `${list.join('\r\n')}\r\n\r\n`;
export const get = (...headers: string[]) =>
  lines('GET http://example.com/a HTTP/1.1', 'Host: example.com', ...headers);
export const post = (...headers: string[]) =>
  lines('POST http://example.com/a HTTP/1.1', 'Host: example.com', ...headers);
