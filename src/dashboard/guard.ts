// Who may have which request of the dashboard answered: a decision over method, path, headers and where the connection arrived, before
// anything else sees them. Pure; native-notes/dashboard.md says what each rule stops.

import { createHash } from 'node:crypto';
import { DASHBOARD } from '../limits/owner.ts';
import { type BrowserSession, type BrowserSessions, sameText } from './browserSessions.ts';

export interface GuardedRequest {
  readonly method: string;
  /** As it stands in the request line. */
  readonly url: string;
  /** Name, value, name, value …, as they came. */
  readonly rawHeaders: readonly string[];
  /** Where its connection arrived, as a Host header says it. */
  readonly arrivedAt: string;
  readonly nowMs: number;
}

export interface Rules {
  /** What a Host header may say, in lower case: with its port, and names that may have any. */
  readonly hosts: { readonly exact: ReadonlySet<string>; readonly anyPort: ReadonlySet<string> };
  readonly sessions: BrowserSessions;
  /** What scripts send as `Authorization: Bearer`. */
  readonly bearer: string;
  readonly hasPassword: boolean;
}

export type Verdict =
  | {
      readonly admitted: true;
      /** Of the cookie; null when the request carries none. */
      readonly session: BrowserSession | null;
    }
  | Refusal;

export interface Refusal {
  readonly admitted: false;
  readonly status: number;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers of which a second one could say something else to the next reader. */
const SINGLE = new Set([
  'host',
  'origin',
  'authorization',
  'content-length',
  'content-type',
  'transfer-encoding',
  'sec-fetch-site',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'x-restunnel-token',
  'cookie',
]);

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE']);
const LIVE = '/api/v1/live';
const LOGIN = '/api/v1/login';

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy':
    'camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(), browsing-topics=()',
  'Cache-Control': 'no-store',
};

/** The first rule that the request breaks, or whose it is. */
export function judgeRequest(request: GuardedRequest, rules: Rules): Verdict {
  const headers = headersOf(request.rawHeaders);
  if (headers === null) return refusal(400, 'a header stands twice that may stand once');
  if (request.url.length > DASHBOARD.urlMaxBytes) return refusal(414, 'this URL is too long');
  // An absolute URL or "//host" would name another host than the Host header; anything but plain ASCII has to come escaped.
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(request.url) || request.url.includes('\\')) {
    return refusal(400, 'this is no path of the dashboard');
  }
  const path = request.url.split('?', 1)[0]!;
  return (
    wrongHost(request.arrivedAt, headers, rules) ??
    wrongShape(request.method, path, headers) ??
    wrongOrigin(request.method, path, headers) ??
    whoseIsIt(request, path, headers, rules)
  );
}

/** A page whose name was rebound to our address sends its own name. */
function wrongHost(
  arrivedAt: string,
  headers: ReadonlyMap<string, string>,
  { hosts }: Rules,
): Refusal | null {
  const host = (headers.get('host') ?? '').toLowerCase();
  // An address in figures cannot be rebound, so the one that the connection came to is ours however it is bound.
  if (host === arrivedAt || hosts.exact.has(host) || hosts.anyPort.has(host.replace(/:\d{1,5}$/, '')))
    return null;
  return refusal(403, 'this address is not the dashboard; give names of your own with --dashboard-host');
}

function wrongShape(method: string, path: string, headers: ReadonlyMap<string, string>): Refusal | null {
  if (!METHODS.has(method) || (method === 'HEAD' && path === LIVE)) {
    return refusal(405, 'this method is not answered here', { Allow: [...METHODS].join(', ') });
  }
  if (headers.has('upgrade')) return refusal(400, 'there is nothing to upgrade to here');
  // A length given in advance can be checked in advance, and the parser enforces it.
  if (headers.has('transfer-encoding')) return refusal(411, 'a body needs its Content-Length here');
  const length = headers.get('content-length') ?? '0';
  if (length === '0') return null;
  if (method === 'GET' || method === 'HEAD')
    return refusal(400, 'a request that changes nothing has no body');
  if (Number(length) > DASHBOARD.bodyMaxBytes) {
    return refusal(413, `a body has at most ${DASHBOARD.bodyMaxBytes} bytes here`);
  }
  // Forms of other sites cannot say this without asking first, and there is nobody who would say yes.
  if (!/^application\/json *(?:;|$)/i.test(headers.get('content-type') ?? '')) {
    return refusal(415, 'a body has to be application/json');
  }
  return null;
}

/** "same-site" is refused as well: another port of this machine is the same site, and cookies ignore ports. */
function wrongOrigin(method: string, path: string, headers: ReadonlyMap<string, string>): Refusal | null {
  const origin = headers.get('origin');
  const host = (headers.get('host') ?? '').toLowerCase();
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return refusal(403, 'pages of other sites get nothing from the dashboard');
  }
  const site = headers.get('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return null;
  const isLink =
    (method === 'GET' || method === 'HEAD') &&
    headers.get('sec-fetch-mode') === 'navigate' &&
    headers.get('sec-fetch-dest') === 'document';
  if (isLink && !path.startsWith('/api/')) return null;
  return refusal(403, 'pages of other sites get nothing from the dashboard');
}

function whoseIsIt(
  { method, nowMs }: GuardedRequest,
  path: string,
  headers: ReadonlyMap<string, string>,
  { sessions, bearer, hasPassword }: Rules,
): Verdict {
  const changes = method !== 'GET' && method !== 'HEAD';
  const session = sessions.read(headers.get('cookie'), nowMs);
  const authorization = headers.get('authorization');
  if (authorization !== undefined) {
    // Browsers never send this by themselves, so it needs no second proof.
    const given = /^Bearer +([\w-]+) *$/i.exec(authorization)?.[1] ?? '';
    if (sameText(digest(given), digest(bearer))) return { admitted: true, session };
    return refusal(401, 'this is not the token of dashboard.token in the data directory', CHALLENGE);
  }
  const trusted = !hasPassword || session?.trusted === true;
  if (!trusted && !isOpen(method, path)) {
    const isPage = !changes && path === '/';
    // A link from elsewhere comes without the cookie; the page asks for its session itself and goes to /login when there is none.
    if (isPage && headers.get('sec-fetch-site') === 'cross-site') return { admitted: true, session };
    if (isPage) return refusal(303, 'the dashboard has a password', { Location: '/login' });
    return refusal(
      401,
      'the dashboard has a password: log in first, or send the token of dashboard.token',
      CHALLENGE,
    );
  }
  if ((changes && path !== LOGIN) || path === LIVE) {
    if (session === null || !sessions.holds(session, headers.get('x-restunnel-token'))) {
      return refusal(
        403,
        'this needs the token of your session in X-Restunnel-Token, or that of dashboard.token in Authorization: Bearer',
      );
    }
  }
  return { admitted: true, session };
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="restunnel"' };

/** What needs no password: the way to give it, and what is the same for everybody. */
function isOpen(method: string, path: string): boolean {
  if (method === 'POST') return path === LOGIN;
  return (
    (method === 'GET' || method === 'HEAD') &&
    (path === '/login' || path === '/health' || path.startsWith('/assets/'))
  );
}

/** Names in lower case; null when a name is repeated that must not be. Others keep their last value: nobody reads them. */
function headersOf(raw: readonly string[]): Map<string, string> | null {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    if (headers.has(name) && SINGLE.has(name)) return null;
    headers.set(name, raw[at + 1]!.trim());
  }
  return headers;
}

function refusal(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Refusal {
  return { admitted: false, status, detail, headers };
}

/** Of one length, so that a comparison takes one time. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
