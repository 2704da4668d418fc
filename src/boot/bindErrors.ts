// What it means when a hub cannot have one of its ports, in a sentence that names the flag. Pure.

import { formatHostPort, type HostPort } from '../base/hostPort.ts';
import { UserError } from '../base/userError.ts';

const LISTENERS = ['tunnel', 'socks', 'http', 'dashboard'] as const;
type Listener = (typeof LISTENERS)[number];

/**
 * A failure to bind becomes a UserError that names the flag: the system's error carries `code` and `port`, and perhaps `role`, one of
 * the listeners. Other errors come back as they are.
 */
export function explainStart(error: unknown, hub: Readonly<Record<Listener, HostPort>>): unknown {
  const { code, port, role } = error as { code?: unknown; port?: unknown; role?: unknown };
  const listener =
    LISTENERS.find((name) => name === role) ??
    LISTENERS.find((name) => hub[name].port === port && port !== 0);
  if (listener === undefined || error instanceof UserError) return error;
  const { host, port: asked } = hub[listener];
  const remedy = `choose another with --${listener} HOST:PORT`;
  switch (code) {
    case 'EADDRINUSE':
      return new UserError(`port ${asked} on ${host} is in use by another program; ${remedy}`);
    case 'EACCES':
      return new UserError(`this user may not bind port ${asked} on ${host}; ${remedy}`);
    case 'EADDRNOTAVAIL':
      return new UserError(`${host} is not an address of this machine; ${remedy}`);
    default:
      return new UserError(`cannot listen on ${formatHostPort(hub[listener])} (${String(code)}); ${remedy}`);
  }
}
