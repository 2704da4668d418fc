// What a node says to a proxy before its tunnel begins: HTTP CONNECT (RFC 9110, section 9.3.6) or SOCKS5 (RFC 1928, RFC 1929). Pure: bytes in,
// bytes out. A hub speaks only after the node has, so nothing may follow the proxy's last answer.

import { formatHostPort, type HostPort } from '../base/hostPort.ts';
import { IpAddress } from '../base/ipAddress.ts';
import { NODE } from '../limits/node.ts';
import type { Via } from '../model/via.ts';

/** More to send, nothing yet, the tunnel is open, or why it is not. */
export type Step = { readonly send: Uint8Array } | { readonly open: boolean } | { readonly refused: string };

const WAIT: Step = { open: false };
const OPEN: Step = { open: true };

export interface ProxyGreeting {
  /** The first bytes. */
  readonly hello: Uint8Array;
  /** Takes the next bytes of the proxy, cut anywhere. */
  receive(bytes: Uint8Array): Step;
}

export function greetingFor(via: Via, hub: HostPort): ProxyGreeting {
  return via.kind === 'http' ? new ConnectGreeting(via, hub) : new SocksGreeting(via, hub);
}

/** Collects an answer that comes in pieces. */
class Answer {
  #bytes = Buffer.alloc(0);

  add(bytes: Uint8Array): Buffer {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    return this.#bytes;
  }

  clear(): void {
    this.#bytes = Buffer.alloc(0);
  }
}

class ConnectGreeting implements ProxyGreeting {
  readonly hello: Uint8Array;
  readonly #answer = new Answer();

  constructor(via: Via, hub: HostPort) {
    const target = formatHostPort(hub);
    const credentials = Buffer.from(`${via.user}:${via.password}`).toString('base64');
    const authorization = via.user === null ? '' : `Proxy-Authorization: Basic ${credentials}\r\n`;
    this.hello = Buffer.from(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`);
  }

  receive(bytes: Uint8Array): Step {
    const head = this.#answer.add(bytes);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0)
      return head.length > NODE.proxyAnswerMaxBytes ? { refused: 'the proxy answers without end' } : WAIT;
    const line = head.toString('latin1', 0, head.indexOf('\r\n'));
    const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)?.[1];
    if (status === undefined) return { refused: 'the proxy answers with something other than HTTP' };
    // tinyproxy says 401.
    if (status === '407' || status === '401')
      return { refused: 'the proxy wants another user and password than --via gives' };
    if (!status.startsWith('2'))
      return { refused: `the proxy refuses the hub (${printable(line.slice(9))})` };
    return end + 4 === head.length ? OPEN : { refused: 'the proxy sends bytes that no hub sent' };
  }
}

const SOCKS_VERSION = 5;
const NO_AUTHENTICATION = 0;
const BY_PASSWORD = 2;
const PASSWORD_VERSION = 1;
const CONNECT = 1;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;
/** RFC 1928, section 6. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'time out',
  7: 'it knows no CONNECT',
  8: 'it knows no such address',
};

class SocksGreeting implements ProxyGreeting {
  readonly hello: Uint8Array;
  readonly #via: Via;
  readonly #hub: HostPort;
  readonly #answer = new Answer();
  #next: 'method' | 'password' | 'reply' = 'method';

  constructor(via: Via, hub: HostPort) {
    this.#via = via;
    this.#hub = hub;
    const methods = via.user === null ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, BY_PASSWORD];
    this.hello = Uint8Array.from([SOCKS_VERSION, methods.length, ...methods]);
  }

  receive(bytes: Uint8Array): Step {
    const answer = this.#answer.add(bytes);
    if (this.#next === 'reply') return this.#reply(answer);
    if (answer.length < 2) return WAIT;
    if (answer.length > 2) return { refused: 'the proxy speaks out of turn' };
    this.#answer.clear();
    return this.#next === 'method' ? this.#method(answer) : this.#verdict(answer);
  }

  #method(answer: Buffer): Step {
    if (answer[0] !== SOCKS_VERSION) return { refused: 'the proxy answers with something other than SOCKS5' };
    if (answer[1] === NO_AUTHENTICATION) return this.#request();
    if (answer[1] !== BY_PASSWORD || this.#via.user === null) {
      return { refused: 'the proxy wants a user and a password: give them in --via' };
    }
    this.#next = 'password';
    const [user, password] = [Buffer.from(this.#via.user), Buffer.from(this.#via.password)];
    return {
      send: Buffer.concat(
        [[PASSWORD_VERSION, user.length], user, [password.length], password].map((part) => Buffer.from(part)),
      ),
    };
  }

  #verdict(answer: Buffer): Step {
    if (answer[1] !== 0) return { refused: 'the proxy wants another user and password than --via gives' };
    return this.#request();
  }

  #request(): Step {
    this.#next = 'reply';
    const { host, port } = this.#hub;
    const address = IpAddress.parse(host);
    const name = Buffer.from(host);
    const bytes = new Uint8Array(address?.addressBytes ?? 0);
    address?.writeTo(bytes, 0);
    const target = address === null ? [NAME, name.length, ...name] : [address.isIPv4 ? IPV4 : IPV6, ...bytes];
    return { send: Uint8Array.from([SOCKS_VERSION, CONNECT, 0, ...target, port >>> 8, port & 0xff]) };
  }

  /** Its address is of no use, but has to be read to its end. */
  #reply(answer: Buffer): Step {
    if (answer.length < 5) return WAIT;
    const [version, reply = 0, , kind, first = 0] = answer;
    if (version !== SOCKS_VERSION) return { refused: 'the proxy answers with something other than SOCKS5' };
    if (reply !== 0) return { refused: `the proxy refuses the hub (${REFUSALS[reply] ?? `code ${reply}`})` };
    const addressBytes = kind === IPV4 ? 4 : kind === IPV6 ? 16 : kind === NAME ? 1 + first : -1;
    if (addressBytes < 0) return { refused: 'the proxy answers with an address of no known kind' };
    const length = 4 + addressBytes + 2;
    if (answer.length < length) return WAIT;
    return answer.length === length ? OPEN : { refused: 'the proxy sends bytes that no hub sent' };
  }
}

/** A proxy's words go to the log. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, 60);
}
