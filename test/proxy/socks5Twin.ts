// A SOCKS5 server's reading of a whole input, written for clarity alone: strings, slices, no state between calls.

import { canonicalIPv6 } from '../base/ipv6Twin.ts';

export type SocksOutcome =
  | { outcome: 'more'; replies: number[] }
  | { outcome: 'failed'; failure: string; replies: number[] }
  | {
      outcome: 'ready';
      associate: boolean;
      host: string;
      port: number;
      user: string | undefined;
      password: string | undefined;
      consumed: number;
      replies: number[];
    };

class NeedMore extends Error {}

export function socksTwin(input: Uint8Array): SocksOutcome {
  const replies: number[] = [];
  let at = 0;
  const take = (count: number): number[] => {
    if (at + count > input.length) throw new NeedMore();
    at += count;
    return [...input.subarray(at - count, at)];
  };
  const byte = () => take(1)[0]!;
  const failed = (failure: string, reply: readonly number[]): SocksOutcome => {
    return { outcome: 'failed', failure, replies: [...replies, ...reply] };
  };
  const answer = (code: number) => [5, code, 0, 1, 0, 0, 0, 0, 0, 0];

  try {
    if (byte() !== 5) return failed('badRequest', []);
    const methods = take(byte());
    const named = methods.includes(2);
    if (!named && !methods.includes(0)) return failed('badRequest', [5, 255]);
    replies.push(5, named ? 2 : 0);

    let user: string | undefined;
    let password: string | undefined;
    if (named) {
      if (byte() !== 1) return failed('badRequest', []);
      user = Buffer.from(take(byte())).toString();
      password = Buffer.from(take(byte())).toString();
      replies.push(1, 0);
    }

    if (byte() !== 5) return failed('badRequest', []);
    const [command, , type] = take(3);
    let host: string;
    if (type === 1) host = take(4).join('.');
    else if (type === 4)
      host = canonicalIPv6(Buffer.from(take(16)).toString('hex').match(/..../g)!.join(':'));
    else if (type === 3) host = domainHost(Buffer.from(take(byte())).toString('latin1'));
    else
      return command === 1 || command === 3
        ? failed('addressNotSupported', answer(8))
        : failed('commandNotSupported', answer(7));
    const port = Buffer.from(take(2)).readUInt16BE();
    const associate = command === 3;
    if (command !== 1 && !associate) return failed('commandNotSupported', answer(7));
    if (host === '' || (port === 0 && !associate)) return failed('badTarget', answer(1));
    return { outcome: 'ready', associate, host, port, user, password, consumed: at, replies };
  } catch (error) {
    if (error instanceof NeedMore) return { outcome: 'more', replies };
    throw error;
  }
}

function domainHost(text: string): string {
  if (text.includes(':')) return canonicalIPv6(text);
  return /^[!$&'()*+,\-.0-9;=A-Z_a-z~]+$/.test(text) ? text : '';
}
