// What it means when a hub cannot have one of its ports, in a sentence that names the flag. Pure.

import { formatHostPort, type HostPort } from '../base/hostPort.ts';
import { UserError } from '../base/userError.ts';

const LISTENERS = ['tunnel', 'tunnelWebSocket', 'socks', 'http', 'dashboard'] as const;
type Listener = (typeof LISTENERS)[number];
type Binds = Readonly<Record<Exclude<Listener, 'tunnelWebSocket'>, HostPort>> & {
  readonly tunnelWebSocket?: HostPort | null;
};

/**
 * A failure to bind becomes a UserError that names the flag: the system's error carries `code` and `port`, and perhaps `role`, one of
 * the listeners. Other errors come back as they are.
 */
export function explainStart(error: unknown, hub: Binds): unknown {
  const { code, port, role } = error as { code?: unknown; port?: unknown; role?: unknown };
  const listener =
    LISTENERS.find((name) => name === role) ??
    LISTENERS.find((name) => hub[name]?.port === port && port !== 0);
  const bind = listener === undefined ? null : hub[listener];
  if (listener === undefined || !bind || error instanceof UserError) return error;
  const { host, port: asked } = bind;
  const flag = listener === 'tunnelWebSocket' ? 'tunnel-websocket' : listener;
  const remedy = `choose another with --${flag} HOST:PORT`;
  switch (code) {
    case 'EADDRINUSE':
      return new UserError(`port ${asked} on ${host} is in use by another program; ${remedy}`);
    case 'EACCES':
      return new UserError(`this user may not bind port ${asked} on ${host}; ${remedy}`);
    case 'EADDRNOTAVAIL':
      return new UserError(`${host} is not an address of this machine; ${remedy}`);
    default:
      return new UserError(`cannot listen on ${formatHostPort(bind)} (${String(code)}); ${remedy}`);
  }
}
