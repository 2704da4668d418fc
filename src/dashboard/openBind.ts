// Where the dashboard may listen. Pure.

import ipaddr from 'ipaddr.js';
import { UserError } from '../base/userError.ts';
import type { HostPort } from '../hub/hubOptions.ts';

/** Throws UserError (exit code 2) for an address that others can reach, when there is no password. */
export function refuseOpenBind({ host, port }: HostPort, password: string | null): void {
  if (password !== null) return;
  if (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback') return;
  throw new UserError(
    '--dashboard may only bind a loopback address such as 127.0.0.1 unless --dashboard-password-file gives it a password, ' +
      `because anyone who reaches ${host.includes(':') ? `[${host}]` : host}:${port} could use it`,
    2,
  );
}
