// Fetches one page as a client of the hub would, through its own HTTP port and the node that was chosen, and tells how long each step took
// and what address the target saw.

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fromHere, parseHostPort, unbracketed } from '../base/hostPort.ts';
import { IpAddress } from '../base/ipAddress.ts';
import { UserError } from '../base/userError.ts';
import type { OwnUser } from '../hub/access/proxyUsers.ts';
import { DASHBOARD } from '../limits/owner.ts';

export type TestStep = 'proxy' | 'stream' | 'tls' | 'firstByte' | 'whole';

export interface TestFetch {
  /** "host:port" of the hub's HTTP proxy, as bound. */
  readonly proxy: string;
  /** null: whichever node the hub chooses. */
  readonly nodeId: string | null;
  /** Whom the proxy knows the hub itself as. */
  readonly ownUser: OwnUser;
  readonly url: URL;
  readonly timeoutMs?: number;
  /** Certificates to trust instead of the system's. */
  readonly ca?: string;
}

export interface TestFetchOutcome {
  readonly ok: boolean;
  readonly error: string | null;
  readonly status: number | null;
  readonly address: string | null;
  readonly body: string;
  readonly totalMs: number;
  readonly steps: readonly { readonly step: TestStep; readonly ms: number }[];
}

/** Throws UserError for what cannot be fetched. */
export function readTestUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new UserError('the test page needs a URL that starts with http:// or https://');
  }
  if (url.username !== '' || url.password !== '') {
    throw new UserError('the URL of the test page must not contain a user name or a password');
  }
  return url;
}

/** Never rejects: what went wrong is its `error`, a sentence. */
export async function testFetch({
  proxy,
  nodeId,
  ownUser,
  url,
  timeoutMs,
  ca,
}: TestFetch): Promise<TestFetchOutcome> {
  const signal = AbortSignal.timeout(timeoutMs ?? DASHBOARD.testFetchTimeoutMs);
  const startedAt = performance.now();
  const steps: { step: TestStep; ms: number }[] = [];
  let stepAt = startedAt;
  const done = (step: TestStep): void => {
    const now = performance.now();
    steps.push({ step, ms: rounded(now - stepAt) });
    stepAt = now;
  };
  let socket: Socket | null = null;
  let error: string | null = null;
  let status: number | null = null;
  let content: Buffer = Buffer.alloc(0);
  try {
    socket = await openStream(proxy, `${usernameOf(ownUser, nodeId)}:${ownUser.password}`, url, signal, done);
    if (url.protocol === 'https:') {
      socket = await secure(socket, url, ca, signal);
      done('tls');
    }
    const response = await get(socket, url, signal);
    status = response.statusCode ?? null;
    done('firstByte');
    content = await readStart(response);
    done('whole');
  } catch (thrown) {
    error = sentenceOf(thrown, signal, steps.at(-1)?.step);
  } finally {
    socket?.destroy();
  }
  const text = content.toString('utf8');
  return {
    ok: error === null,
    error,
    status,
    address: firstAddress(text),
    body: content.subarray(0, DASHBOARD.testFetchShownBytes).toString('utf8'),
    totalMs: rounded(performance.now() - startedAt),
    steps,
  };
}

/** The routing words stand behind the name. */
function usernameOf({ name }: OwnUser, nodeId: string | null): string {
  return nodeId === null ? name : `${name}-node-${nodeId}`;
}

/** CONNECT through the proxy (RFC 9110 section 9.3.6). */
function openStream(
  proxy: string,
  credentials: string,
  url: URL,
  signal: AbortSignal,
  done: (step: TestStep) => void,
): Promise<Socket> {
  const target = `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
  const headers = {
    Host: target,
    'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...fromHere(parseHostPort(proxy, 'proxy', '127.0.0.1')),
      method: 'CONNECT',
      path: target,
      headers,
      agent: false,
      signal,
    });
    outgoing.on('socket', (socket) => socket.once('connect', () => done('proxy')));
    outgoing.on('connect', (response, socket) => {
      if (response.statusCode === 200) {
        done('stream');
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new UserError(refusalOf(response)));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** The proxy's own sentence, which Proxy-Status (RFC 9209) carries as well. */
function refusalOf({ statusCode, headers }: IncomingMessage): string {
  const said = /details="((?:[^"\\]|\\.)*)"/.exec(String(headers['proxy-status'] ?? ''))?.[1];
  return said?.replace(/\\(.)/g, '$1') ?? `the proxy answered with status ${statusCode}`;
}

function secure(socket: Socket, url: URL, ca: string | undefined, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const host = unbracketed(url.hostname);
    const servername = IpAddress.parse(host) !== null ? {} : { servername: host };
    const secured = connectTls({
      socket,
      host,
      ...servername,
      ALPNProtocols: ['http/1.1'],
      ...(ca === undefined ? {} : { ca }),
    });
    signal.addEventListener('abort', () => secured.destroy(new Error('timed out')), { once: true });
    secured.once('secureConnect', () => resolve(secured));
    secured.on('error', reject);
    secured.once('close', () =>
      reject(new UserError('the target closed the connection during the TLS handshake')),
    );
  });
}

function get(socket: Socket, url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = request({
      createConnection: () => socket,
      method: 'GET',
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      headers: { Host: url.host, Accept: '*/*', 'User-Agent': 'restunnel-test', Connection: 'close' },
      signal,
    });
    outgoing.on('response', resolve);
    // Else the request would end without a word, and nobody would ever be answered.
    outgoing.on('upgrade', () =>
      reject(new UserError('the target switched to another protocol without being asked')),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Up to the bound; what is longer is cut off there. */
async function readStart(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= DASHBOARD.testFetchBodyMaxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, DASHBOARD.testFetchBodyMaxBytes);
}

/** As services that tell an address write it: alone, in JSON, in a sentence. */
export function firstAddress(text: string): string | null {
  for (const [word] of text.matchAll(/[0-9a-f.:]{3,45}/gi)) {
    const bare = word.replace(/[.:]$/, '').replace(/^([\d.]+):\d+$/, '$1');
    if (IpAddress.parse(bare) !== null) return bare;
  }
  return null;
}

const AFTER: Readonly<Record<TestStep, string>> = {
  proxy: 'while the exit node was opening the connection',
  stream: 'before the target answered',
  tls: 'before the target answered',
  firstByte: 'before the page was complete',
  whole: 'at the end',
};

function sentenceOf(thrown: unknown, signal: AbortSignal, last: TestStep | undefined): string {
  if (thrown instanceof UserError) return thrown.message;
  const where = last === undefined ? "before the hub's proxy answered" : AFTER[last];
  if (signal.aborted) return `it took too long and was stopped ${where}`;
  const { code, message, reason } = thrown as NodeJS.ErrnoException & { reason?: string };
  if (/CERT|SELF_SIGNED|ALTNAME|SSL|TLS|VERIFY|ISSUER/.test(code ?? '')) {
    // OpenSSL's message is its whole error stack; behind a semicolon stands advice for people who start Node themselves.
    const why = code?.startsWith('ERR_SSL_') && reason ? reason : message.split(';')[0];
    return `the TLS handshake with the target failed: ${why}`;
  }
  if (code?.startsWith('HPE_')) return `the target's answer is not HTTP (${message})`;
  return `the connection ended ${where} (${code ?? message})`;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
