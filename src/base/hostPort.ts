// HOST:PORT in text: options, links, the addresses a hub prints.

import { IpAddress, isIPv6Literal, isLoopback, isWildcard } from './ipAddress.ts';
import { quote, UserError } from './userError.ts';

export interface HostPort {
  /** An IP literal or a name, without brackets. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

/** "host:port", IPv6 in brackets. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`;
}

/** As in a URL: IPv6 in brackets. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** As in a socket address: no brackets. */
export function unbracketed(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** Where this machine reaches a port as bound: on loopback, if it is bound on every address. */
export function fromHere({ host, port }: HostPort): HostPort {
  if (!isWildcard(host)) return { host, port };
  return { host: isIPv6Literal(host) ? '::1' : '127.0.0.1', port };
}

/** What formatHostPort() wrote, or a person: `127.0.0.1:80`, `[::1]:80`, `name:80`, `:80`. Null for any other form; names are not checked. */
export function splitHostPort(text: string): HostPort | null {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  const [, ipv6, host = ''] = match;
  if (ipv6 === undefined) return { host, port };
  return isIPv6Literal(ipv6) ? { host: ipv6, port } : null;
}

/**
 * `127.0.0.1:1080`, `[::1]:1080`, `localhost:1080`, or `:1080` for `defaultHost`; port 0 means any free port.
 * Throws UserError (exit code 2) with a sentence that names `flag`.
 */
export function parseHostPort(text: string, flag: string, defaultHost: string): HostPort {
  const address = splitHostPort(text);
  if (address === null) throw notAnAddress(text, flag);
  const { host, port } = address;
  if (port > 65_535) throw new UserError(`${flag}: port ${port} is larger than 65535`, 2);
  if (host === '') return { host: defaultHost, port };
  if (host === 'localhost') return { host: '127.0.0.1', port };
  if (IpAddress.parse(host) === null) throw notAnAddress(text, flag);
  return address;
}

/** As parseHostPort, for the ports without credentials: anything but a loopback address is refused. */
export function parseLoopbackHostPort(text: string, flag: string): HostPort {
  const address = parseHostPort(text, flag, '127.0.0.1');
  if (!isLoopback(address.host)) {
    throw new UserError(
      `${flag} may only bind a loopback address such as 127.0.0.1, because anyone who reaches ${text} could use it: ` +
        'there are no credentials to ask for',
      2,
    );
  }
  return address;
}

function notAnAddress(text: string, flag: string): UserError {
  return new UserError(
    `${flag}: ${quote(text)} is not an address of the form HOST:PORT, such as 127.0.0.1:1080, [::1]:1080 or :1080`,
    2,
  );
}
