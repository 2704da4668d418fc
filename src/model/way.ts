// A way from a node to its hub: its address, by TCP as it is or inside a WebSocket of a web server.

import { bracketed, formatHostPort, type HostPort } from '../base/hostPort.ts';

/** RFC 3986, section 3.3. */
const PATH = /^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/;
const PATH_MAX_CHARS = 256;

export interface Way extends HostPort {
  /** Absent: TCP. */
  readonly webSocket?: WebSocketWay;
}

export interface WebSocketWay {
  /** By TLS. Only links to this very machine go without. */
  readonly secure: boolean;
  /** From its slash on. */
  readonly path: string;
}

export function isDefaultPort({ port, webSocket }: Way): boolean {
  return webSocket !== undefined && port === (webSocket.secure ? 443 : 80);
}

/** `host:port`, or `wss://host/path`. */
export function wayText(way: Way): string {
  const { webSocket } = way;
  if (webSocket === undefined) return formatHostPort(way);
  const authority = isDefaultPort(way) ? bracketed(way.host) : formatHostPort(way);
  return `${webSocket.secure ? 'wss' : 'ws'}://${authority}${webSocket.path}`;
}

export function isSameWay(one: Way, other: Way): boolean {
  return wayText(one) === wayText(other);
}

export function isWebPath(path: string): boolean {
  return path.length <= PATH_MAX_CHARS && PATH.test(path);
}
