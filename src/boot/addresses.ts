// Reads HOST:PORT and public-host arguments, and prints addresses. Pure; called by the commands' option parsers.

import ipaddr from 'ipaddr.js';
import { UserError } from '../base/userError.ts';
import type { HostPort } from '../hub/hubOptions.ts';

/**
 * `127.0.0.1:1080`, `[::1]:1080`, `localhost:1080`, or `:1080` for `defaultHost`; port 0 means any free port.
 * Throws UserError (exit code 2) with a sentence that names `flag`.
 */
export function parseHostPort(text: string, flag: string, defaultHost: string): HostPort {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) throw notAnAddress(text, flag);
  const port = Number(match[3]);
  if (port > 65_535) throw new UserError(`${flag}: port ${port} is larger than 65535`, 2);
  const bracketed = match[1];
  if (bracketed !== undefined) {
    if (!ipaddr.IPv6.isValid(bracketed) || bracketed.includes('%')) throw notAnAddress(text, flag);
    return { host: bracketed, port };
  }
  const host = match[2] ?? '';
  if (host === '') return { host: defaultHost, port };
  if (host === 'localhost') return { host: '127.0.0.1', port };
  if (!ipaddr.IPv4.isValidFourPartDecimal(host)) throw notAnAddress(text, flag);
  return { host, port };
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

/** A DNS name or an IP address (brackets allowed around IPv6) without a port, as pairing links carry it. */
export function parsePublicHost(text: string, flag: string): string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (ipaddr.IPv6.isValid(bare) && !bare.includes('%')) return bare;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return text;
  const labels = text.replace(/\.$/, '').split('.');
  const isName =
    text.length <= 253 &&
    labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  if (!isName) {
    throw new UserError(
      `${flag}: ${quote(text)} is not a host name or an IP address (give it without a port, such as hub.example.org)`,
      2,
    );
  }
  return text;
}

/** Anywhere in 127.0.0.0/8, ::1, or the former written as IPv6. */
export function isLoopback(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}

/** 0.0.0.0 or ::, which stand for every address of the machine. */
export function isWildcard(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'unspecified';
}

/** "host:port", IPv6 in brackets. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function notAnAddress(text: string, flag: string): UserError {
  return new UserError(
    `${flag}: ${quote(text)} is not an address of the form HOST:PORT, such as 127.0.0.1:1080, [::1]:1080 or :1080`,
    2,
  );
}

/** JSON quoting keeps control characters of an argument out of the terminal and the sentence on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 97)}...` : text);
}
