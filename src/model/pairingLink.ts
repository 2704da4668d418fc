// The pairing link, restunnel://HOST:PORT/?k=<hub public key>&t=<one-time token>, both base64url; restunnel+wss://HOST/PATH?… where a web
// server is in front; &w=wss://HOST/PATH where both are; a hub of a cluster adds &c=<the cluster's public key>. Pure. No message in here
// repeats the link, because it holds a secret.

import { formatHostPort } from '../base/hostPort.ts';
import { IpAddress, isIPv6Literal, isLoopback } from '../base/ipAddress.ts';
import { quote, UserError } from '../base/userError.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { isWebPath, type Way, type WebSocketWay, wayText } from './way.ts';

/** Its host: a DNS name or an IP literal, without brackets. */
export interface PairingLink extends Way {
  /** 32 bytes. */
  readonly hubPublicKey: Uint8Array;
  /** 32 bytes. */
  readonly token: Uint8Array;
  /** By a web server, for when the first way leads nowhere; beside a first way by TCP alone. Absent: none. */
  readonly otherWay?: Way;
  /** 32 bytes: the device follows the lists of hubs that this key signs. Absent: none. */
  readonly clusterKey?: Uint8Array;
}

const SCHEME = 'restunnel://';
/** Far above any real link; so that a file pasted by mistake is not searched. */
const LINK_MAX_CHARS = 2_048;
const WEB_SCHEMES: Readonly<Record<string, { secure: boolean; port: number }>> = {
  'restunnel+wss://': { secure: true, port: 443 },
  'restunnel+ws://': { secure: false, port: 80 },
};
const PARAMETERS: ReadonlySet<string> = new Set(['k', 't', 'c', 'w']);
const WAY_OF_WAY = 'it leads to a web server, and names a second one';
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** Throws UserError when the host or the port can't be part of a link. */
export function formatLink(link: PairingLink): string {
  checkHost(link.host);
  checkPort(link.port);
  const cluster = link.clusterKey === undefined ? '' : `&c=${base64url(link.clusterKey)}`;
  const secrets = `?k=${base64url(link.hubPublicKey)}&t=${base64url(link.token)}${cluster}`;
  if (link.webSocket === undefined)
    return `${SCHEME}${formatHostPort(link)}/${secrets}${formatOtherWay(link.otherWay)}`;
  if (link.otherWay !== undefined) throw wrong(WAY_OF_WAY);
  checkWebSocket(link.host, link.webSocket);
  return `restunnel+${wayText(link)}${secrets}`;
}

/** What a query or a shell's quotes would end is encoded. */
function formatOtherWay(way: Way | undefined): string {
  if (way === undefined) return '';
  const text = wayText(way).replace(/[%&#+'$!]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  parseOtherWay(text);
  return `&w=${text}`;
}

/** `wss://hub.example.org/some/path`, for the option that names it. Throws UserError. */
export function parseWebSocketAddress(text: string, flag: string): Way {
  const form = `${flag}: give wss://HOST/PATH, as devices reach the web server; ${quote(text)} is none`;
  try {
    const way = parseWay(`restunnel+${text}`);
    if (way?.webSocket !== undefined && !text.includes('?')) return way;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  throw new UserError(form, 2);
}

/** White space around the link and parameters it does not know are ignored. Throws UserError, naming the part that is wrong. */
export function parseLink(text: string): PairingLink {
  const link = text.trim();
  if (link.length > LINK_MAX_CHARS) throw wrong('it is too long');
  if (schemeOf(link) === null) throw wrong(`it must begin with ${SCHEME}`);
  const queryAt = link.indexOf('?');
  if (queryAt === -1) throw wrong('it has no ?k=…&t=… at its end; was it cut short?');
  const way = parseWay(link.slice(0, queryAt));
  const parameters = parseQuery(link.slice(queryAt + 1));
  const otherWay = parameters.get('w');
  if (otherWay !== undefined && way.webSocket !== undefined) throw wrong(WAY_OF_WAY);
  return {
    ...way,
    hubPublicKey: parseBytes(parameters, 'k', PROTOCOL.keyBytes, 'the key of the hub'),
    token: parseBytes(parameters, 't', PROTOCOL.tokenBytes, 'the one-time token'),
    ...(otherWay === undefined ? {} : { otherWay: parseOtherWay(otherWay) }),
    ...(parameters.has('c')
      ? { clusterKey: parseBytes(parameters, 'c', PROTOCOL.keyBytes, 'the key of the cluster') }
      : {}),
  };
}

/**
 * For an owner who compares two screens: the first 16 of the key's base64url characters, 96 bits, in groups of 4. The Android app shows the
 * same.
 */
export function keyFingerprint(hubPublicKey: Uint8Array): string {
  return base64url(hubPublicKey)
    .slice(0, 16)
    .replace(/(.{4})(?=.)/g, '$1 ');
}

/** In lower case; null: it is none of a link's. */
function schemeOf(link: string): string | null {
  const scheme = link.slice(0, link.indexOf('://') + 3).toLowerCase();
  return scheme === SCHEME || scheme in WEB_SCHEMES ? scheme : null;
}

/** A link up to its question mark. */
function parseWay(address: string): Way {
  const scheme = schemeOf(address);
  if (scheme === null) throw wrong(`it must begin with ${SCHEME}`);
  const rest = address.slice(scheme.length);
  const web = WEB_SCHEMES[scheme];
  if (web === undefined) return parseAuthority(rest.replace(/\/$/, ''));
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const hasPort = /:[0-9]*$/.test(authority) && !/^[^[]*:.*:/.test(authority);
  const way = parseAuthority(hasPort ? authority : `${authority}:${web.port}`);
  const webSocket = { secure: web.secure, path: slash < 0 ? '/' : rest.slice(slash) };
  checkWebSocket(way.host, webSocket);
  return { ...way, webSocket };
}

function parseOtherWay(text: string): Way {
  try {
    const way = parseWay(`restunnel+${decodeURIComponent(text)}`);
    if (way.webSocket !== undefined) return way;
  } catch (error) {
    if (!(error instanceof UserError || error instanceof URIError)) throw error;
  }
  throw wrong('the address of the web server (w=) is damaged; copy the whole link again');
}

function checkWebSocket(host: string, { secure, path }: WebSocketWay): void {
  if (!isWebPath(path)) throw wrong('its path is too long, or has characters that no path has');
  if (!secure && !isLoopback(host)) throw wrong('only a link to this machine itself goes without TLS');
}

function parseAuthority(authority: string): { host: string; port: number } {
  const bracketed = authority.startsWith('[');
  const hostEnd = bracketed ? authority.indexOf(']') : authority.lastIndexOf(':');
  if (bracketed && hostEnd === -1) throw wrong('its IPv6 address has no closing bracket');
  const host = bracketed ? authority.slice(1, hostEnd) : authority.slice(0, Math.max(hostEnd, 0));
  const portText = bracketed ? authority.slice(hostEnd + 1) : authority.slice(hostEnd);
  if (!bracketed && host.includes(':')) throw wrong('an IPv6 address needs brackets: [address]:port');
  if (hostEnd === -1 || !/^:[0-9]{1,5}$/.test(portText)) throw wrong('it has no port after the host');
  if (bracketed && !isIPv6Literal(host)) throw wrong('the text in brackets is not an IPv6 address');
  checkHost(host);
  const port = Number(portText.slice(1));
  checkPort(port);
  return { host, port };
}

/** Only the parameters we know. */
function parseQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    if (!PARAMETERS.has(name)) continue;
    if (parameters.has(name)) throw wrong(`it has more than one parameter ${name}`);
    parameters.set(name, equals === -1 ? '' : part.slice(equals + 1));
  }
  return parameters;
}

function parseBytes(parameters: Map<string, string>, name: string, length: number, what: string): Uint8Array {
  const value = parameters.get(name);
  if (value === undefined || value === '') throw wrong(`${what} (${name}=) is missing`);
  const bytes = new Uint8Array(Buffer.from(value, 'base64url'));
  // Decoding forgives everything, so only what encodes back to the same text is the real thing.
  if (base64url(bytes) !== value || bytes.length !== length) {
    throw wrong(`${what} (${name}=) is damaged; copy the whole link again`);
  }
  return bytes;
}

function checkHost(host: string): void {
  if (host === '') throw wrong('it has no host');
  if (isIPv6Literal(host)) return;
  if (host.length > PROTOCOL.hostMaxBytes) throw wrong('its host is too long');
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  // Only digits and dots: an address, never a name.
  const isHost = /^[0-9.]+$/.test(host)
    ? IpAddress.parse(host) !== null
    : name.split('.').every((label) => LABEL.test(label));
  if (!isHost) throw wrong('its host is neither a name nor an IP address');
}

function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw wrong('its port is not between 1 and 65535');
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

function wrong(why: string): UserError {
  return new UserError(`this is not a pairing link: ${why}`, 2);
}
