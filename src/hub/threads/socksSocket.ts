// The file of --socks-socket: cleared away before the front listens there, removed at the end.

import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { isAbsolute } from 'node:path';
import { UserError } from '../../base/userError.ts';
import { SOCKS_SOCKET } from '../../limits/clients.ts';

/**
 * A socket that a dead hub left is removed; one that somebody serves, and whatever is no socket, is left alone.
 * @throws UserError
 */
export async function makeWayForSocket(path: string): Promise<void> {
  if (!isAbsolute(path)) throw new UserError(`--socks-socket ${path}: the path must be absolute`, 2);
  if (process.platform === 'win32') throw new UserError('--socks-socket is not available on Windows', 2);
  if (Buffer.byteLength(path) > SOCKS_SOCKET.pathMaxBytes) {
    throw new UserError(
      `--socks-socket ${path}: the path is longer than the ${SOCKS_SOCKET.pathMaxBytes} bytes a socket's may have`,
      2,
    );
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new UserError(`--socks-socket ${path}: the file there is not a socket`);
  if (await mayBeServed(path)) throw new UserError(`--socks-socket ${path}: another program listens there`);
  rmSync(path, { force: true });
}

/** At the end, if it is still a socket. */
export function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path, { force: true });
}

function mayBeServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: nobody listens. Anything else, such as no permission, is not for us to remove.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
