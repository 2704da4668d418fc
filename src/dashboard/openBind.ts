// Where the dashboard may listen. Pure.

import { formatHostPort, type HostPort } from '../base/hostPort.ts';
import { isLoopback } from '../base/ipAddress.ts';
import { UserError } from '../base/userError.ts';

/** Throws UserError (exit code 2) for an address that others can reach, when there is no password. */
export function refuseOpenBind(bind: HostPort, password: string | null): void {
  if (password !== null) return;
  if (isLoopback(bind.host)) return;
  throw new UserError(
    '--dashboard may only bind a loopback address such as 127.0.0.1 unless --dashboard-password-file gives it a password, ' +
      `because anyone who reaches ${formatHostPort(bind)} could use it`,
    2,
  );
}
