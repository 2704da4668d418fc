// What HTTP clients are told of the node that serves them (native-notes/routing.md), made once for each node and change of it. Used by the
// workers, which control tells who their tunnels lead to, and by the front for failures.

import { foldName } from '../model/nameSyntax.ts';

/** Header lines as bytes; shared: do not write to them. */
export interface NodeWords {
  /** The 200 that opens a tunnel, whole. */
  readonly established: Uint8Array;
  /** For the head of a response: Proxy-Status (RFC 9209 section 2.1.2) and the named ones. */
  readonly fields: Uint8Array;
  /** X-Restunnel-Node and, where it is known, X-Restunnel-Exit-IP. */
  readonly named: string;
}

/** The proxy's words, as every client has seen them before (RFC 9110 section 9.3.6). */
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n';

/**
 * The name comes as a user name asks for it, so that `node-` and this pins the node; one without a letter or digit of ASCII would stand
 * for others as well, so that its id takes its place.
 */
export function nodeWords(name: string, nodeId: string, exitAddress: string | null): NodeWords {
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
export function establishedWords({ established, fields }: NodeWords, session: string): Uint8Array {
  if (session === '') return established;
  return Buffer.concat([Buffer.from(ESTABLISHED), responseFields(fields, session), CRLF]);
}

/** Lines for the head of a response. */
export function responseFields(fields: Uint8Array, session: string): Uint8Array {
  return session === '' ? fields : Buffer.concat([fields, Buffer.from(sessionField(session))]);
}

/** Lines for a failure, which has a Proxy-Status of its own; null words: none. */
export function namedFields(words: NodeWords | null, session: string): string {
  if (words === null) return '';
  return session === '' ? words.named : words.named + sessionField(session);
}

function sessionField(session: string): string {
  return `X-Restunnel-Session: ${session}\r\n`;
}

const CRLF = Buffer.from('\r\n');
