// The proxy through which a node dials its hubs: parsed by the command line, used by the node and its engine thread.

import { type HostPort, isPort, unbracketed } from '../base/hostPort.ts';
import { UserError } from '../base/userError.ts';
import type { ViaKind } from './fleet.ts';

export interface Via extends HostPort {
  readonly kind: ViaKind;
  /** Null: the proxy is asked without a name. */
  readonly user: string | null;
  readonly password: string;
}

/** RFC 1929 gives each a length of one byte. */
const CREDENTIAL_MAX_BYTES = 255;
const KINDS: Readonly<Record<string, { kind: ViaKind; port: number }>> = {
  'http:': { kind: 'http', port: 80 },
  'socks5:': { kind: 'socks5', port: 1080 },
  'socks5h:': { kind: 'socks5', port: 1080 },
};

/** `http://user:password@host:port` or `socks5://…`. Throws UserError that repeats no password. */
export function parseVia(text: string, flag = '--via'): Via {
  const url = URL.canParse(text) ? new URL(text) : null;
  const known = url === null ? undefined : KINDS[url.protocol];
  if (url === null || known === undefined || url.hostname === '' || url.search !== '' || url.hash !== '') {
    throw new UserError(
      `${flag}: give http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ where the proxy asks`,
      2,
    );
  }
  if (url.pathname !== '' && url.pathname !== '/') throw new UserError(`${flag}: a proxy has no path`, 2);
  const port = url.port === '' ? known.port : Number(url.port);
  if (port === 0 || !isPort(port)) throw new UserError(`${flag}: port ${port} cannot be dialled`, 2);
  const user = decoded(url.username, flag);
  const password = decoded(url.password, flag);
  if (Buffer.byteLength(user) > CREDENTIAL_MAX_BYTES || Buffer.byteLength(password) > CREDENTIAL_MAX_BYTES) {
    throw new UserError(`${flag}: user and password may have at most ${CREDENTIAL_MAX_BYTES} bytes each`, 2);
  }
  const named = url.username !== '' || url.password !== '';
  return { kind: known.kind, host: unbracketed(url.hostname), port, user: named ? user : null, password };
}

function decoded(text: string, flag: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UserError(`${flag}: user and password have a % that is none of %00 to %FF`, 2);
  }
}

/**
 * The proxy that the environment names for a hub, as curl reads it: HTTPS_PROXY or ALL_PROXY, lower case first, except where NO_PROXY lists the
 * host, a domain it is in, or `*`. Null: none. Throws UserError for a value that is no proxy.
 */
export function viaOfEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  host: string,
): Via | null {
  const value = (name: string) => env[name.toLowerCase()] || env[name] || '';
  const chosen = ['HTTPS_PROXY', 'ALL_PROXY'].find((name) => value(name) !== '');
  if (chosen === undefined || isExcepted(value('NO_PROXY'), host)) return null;
  const text = value(chosen);
  return parseVia(text.includes('://') ? text : `http://${text}`, chosen);
}

function isExcepted(list: string, host: string): boolean {
  const name = host.toLowerCase();
  return list
    .split(/[\s,]+/)
    .map((entry) => unbracketed(entry.toLowerCase().replace(/^\*?\./, '')))
    .some((entry) => entry !== '' && (entry === '*' || name === entry || name.endsWith(`.${entry}`)));
}

/** For the log: without name and password. */
export function viaText({ kind, host, port }: Via): string {
  return `${kind}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
