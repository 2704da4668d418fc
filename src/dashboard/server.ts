// The dashboard's listener: bounds what a connection may do, lets guard.ts decide about every request before anything else sees it, and
// answers pages from memory and the API from its app.

import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { LazyApi } from '../api/lazyApi.ts';
import { PROBLEM_TYPE, problemBody } from '../api/problem.ts';
import { bracketed, formatHostPort, type HostPort } from '../base/hostPort.ts';
import { canonicalAddress } from '../base/ipAddress.ts';
import { DASHBOARD } from '../limits/owner.ts';
import { BrowserSessions } from './browserSessions.ts';
import { judgeRequest, type Rules, SECURITY_HEADERS } from './guard.ts';
import type { LoginParts } from './loginRoutes.ts';
import { refuseOpenBind } from './openBind.ts';
import { Password } from './password.ts';
import { Remotes, remoteOf } from './remotes.ts';
import type { Site } from './site.ts';
import { loadOrCreateToken } from './token.ts';

export interface DashboardOptions {
  readonly bind: HostPort;
  readonly api: LazyApi;
  /** Where dashboard.token lies; its lock is held. */
  readonly dataDir: string;
  /** Names, beside the bound address and loopback, that a Host header may say with any port; IPv6 without brackets. */
  readonly hosts?: readonly string[];
  readonly password?: string | null;
  /** Shorter in tests. */
  readonly timeouts?: Partial<Record<'headTimeoutMs' | 'requestTimeoutMs' | 'timeoutCheckMs', number>>;
}

export interface Dashboard {
  /** "host:port" as really bound. */
  readonly address: string;
  close(): Promise<void>;
}

/** Rejects with UserError, or with node's bind error, `role` added, when the port cannot be had. */
export async function serveDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { bind, api, dataDir } = options;
  const timeouts = { ...DASHBOARD, ...options.timeouts };
  refuseOpenBind(bind, options.password ?? null);
  const bearer = loadOrCreateToken(dataDir);
  const password =
    typeof options.password === 'string'
      ? new Password(options.password, seal(bearer, 'password salt'), performance.now())
      : null;
  const sessionKey = Buffer.concat([seal(bearer, 'session key'), password?.hash ?? Buffer.alloc(0)]);
  const sessions = new BrowserSessions(sessionKey);
  const remotes = new Remotes();
  const site = lazySite(api, { sessions, password, remotes, live: api.live });
  let rules: Rules = {
    hosts: { exact: new Set(), anyPort: new Set() },
    sessions,
    bearer,
    hasPassword: password !== null,
  };

  const server = createServer(
    {
      maxHeaderSize: DASHBOARD.headMaxBytes,
      headersTimeout: timeouts.headTimeoutMs,
      requestTimeout: timeouts.requestTimeoutMs,
      keepAliveTimeout: DASHBOARD.keepAliveTimeoutMs,
      connectionsCheckingInterval: timeouts.timeoutCheckMs,
    },
    (incoming, outgoing) => {
      for (const [name, value] of SECURITY_HEADERS_LIST) outgoing.setHeader(name, value);
      const nowMs = performance.now();
      const remote = remoteOf(incoming);
      const { method = '', url = '', rawHeaders } = incoming;
      const arrivedAt = arrivalOf(incoming.socket);
      const verdict = judgeRequest({ method, url, rawHeaders, arrivedAt, nowMs: Date.now() }, rules);
      if (!verdict.admitted) {
        if (remotes.takeRefusal(remote, nowMs))
          refuse(incoming, outgoing, verdict.status, verdict.detail, verdict.headers);
        else tooMany(incoming, outgoing);
        return;
      }
      const { session } = verdict;
      site().then(
        ({ pageOf, answerPage, answerApi }) => {
          // Pages lie in memory and cost next to nothing; an owner who loads them anew is no flood.
          const page = pageOf(method, url);
          if (page !== null) answerPage(page, incoming, outgoing);
          else if (remotes.takeRequest(remote, nowMs)) answerApi(incoming, outgoing, session);
          else tooMany(incoming, outgoing);
        },
        (error: unknown) => {
          api.onFault(error);
          refuse(incoming, outgoing, 500, 'the dashboard cannot be loaded; see the log of the hub', {});
        },
      );
    },
  );
  server.maxConnections = DASHBOARD.connectionsMax;
  server.on('clientError', answerBadRequest);
  const address = await listen(server, bind);
  rules = { ...rules, hosts: hostsOf(address, options.hosts ?? []) };
  return { address, close: () => close(server, api) };
}

/** Loaded at the first request that is let in. */
function lazySite(api: LazyApi, parts: LoginParts): () => Promise<Site> {
  let site: Promise<Site> | null = null;
  return () => {
    site ??= Promise.all([api.app(), import('./site.ts')]).then(([app, { makeSite }]) =>
      makeSite(app, parts, api.onFault),
    );
    return site;
  };
}

const SECURITY_HEADERS_LIST = Object.entries(SECURITY_HEADERS);

function listen(server: Server, bind: HostPort): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(Object.assign(error, { role: 'dashboard', port: bind.port })));
    server.listen(bind.port, bind.host, () => {
      const { address: host, port } = server.address() as AddressInfo;
      resolve(formatHostPort({ host, port }));
    });
  });
}

/** Browsers leave port 80 away. */
function hostsOf(address: string, named: readonly string[]): Rules['hosts'] {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const names = [address.slice(0, -port.length - 1), 'localhost', '127.0.0.1', '[::1]'];
  const exact = new Set(names.map((name) => `${name}:${port}`));
  if (port === '80') for (const name of names) exact.add(name);
  const anyPort = new Set(named.map((name) => bracketed(name).toLowerCase()));
  return { exact, anyPort };
}

function arrivalOf({ localAddress = '', localPort = 0 }: Socket): string {
  return formatHostPort({ host: canonicalAddress(localAddress) ?? localAddress, port: localPort });
}

function tooMany(incoming: IncomingMessage, outgoing: ServerResponse): void {
  refuse(incoming, outgoing, 429, 'too many requests from this address; wait a moment', {
    'Retry-After': '1',
  });
}

/** What the request goes on to send is not read: its connection ends with the answer. */
function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>>,
): void {
  const body = problemBody(status, detail);
  const { headers: sent } = incoming;
  const ends = ['content-length', 'transfer-encoding', 'upgrade'].some((name) => sent[name] !== undefined);
  outgoing.writeHead(status, {
    ...headers,
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    ...(ends ? { Connection: 'close' } : {}),
  });
  outgoing.end(incoming.method === 'HEAD' ? undefined : body);
}

/** What is no HTTP, or too much of it, or too slow; node has closed for itself when there is nothing to write to. */
function answerBadRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const detail = {
    400: 'this is no HTTP request',
    408: 'the request took too long',
    431: 'the head is too large',
  }[status];
  const body = problemBody(status, detail);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

function close(server: Server, { live }: LazyApi): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    live.close();
    server.closeAllConnections();
  });
}

function seal(key: string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
