// The header lines that name a node to HTTP clients (native-notes/routing.md), made once for each node and each change of it.

import { foldName } from '../model/nameSyntax.ts';

/** Header lines as bytes; shared: do not write to them. */
export interface NodeFields {
  /** The 200 that opens a tunnel, whole. */
  readonly established: Uint8Array;
  /** For the head of a response: Proxy-Status (RFC 9209 section 2.1.2) and the named ones. */
  readonly fields: Uint8Array;
  /** X-Restunnel-Node and, where it is known, X-Restunnel-Exit-IP. */
  readonly named: string;
}

/** In the words that most proxies use (RFC 9110 section 9.3.6). */
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n';

/**
 * The name is folded as in a user name, so that `node-` and this pins the node. A name without an ASCII letter or digit could be any
 * node's: the id replaces it.
 */
export function nodeFields(name: string, nodeId: string, exitAddress: string | null): NodeFields {
  const folded = foldName(name);
  const node = /[a-z0-9]/.test(folded) ? folded : nodeId;
  const exit =
    exitAddress !== null && /^[0-9A-Fa-f:.]+$/.test(exitAddress)
      ? `X-Restunnel-Exit-IP: ${exitAddress}\r\n`
      : '';
  const named = `X-Restunnel-Node: ${node}\r\n${exit}`;
  const fields = `Proxy-Status: restunnel; next-hop="${node}"\r\n${named}`;
  return { established: Buffer.from(`${ESTABLISHED}${fields}\r\n`), fields: Buffer.from(fields), named };
}

/** `session`: the sticky session's name, '' for none; its characters are those of a user name. */
export function establishedResponse({ established, fields }: NodeFields, session: string): Uint8Array {
  if (session === '') return established;
  return Buffer.concat([Buffer.from(ESTABLISHED), responseFields(fields, session), CRLF]);
}

/** Lines for the head of a response. */
export function responseFields(fields: Uint8Array, session: string): Uint8Array {
  return session === '' ? fields : Buffer.concat([fields, Buffer.from(sessionField(session))]);
}

/** Lines for a failure, which has a Proxy-Status of its own; none for a node that is not named. */
export function namedFields(node: NodeFields | null, session: string): string {
  if (node === null) return '';
  return session === '' ? node.named : node.named + sessionField(session);
}

function sessionField(session: string): string {
  return `X-Restunnel-Session: ${session}\r\n`;
}

const CRLF = Buffer.from('\r\n');
