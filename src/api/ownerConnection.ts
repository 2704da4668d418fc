// A command's connection to the hub that runs in a data directory: by its Unix socket, or by its pipe on Windows.

import { connect, type Socket } from 'node:net';
import { connectOwnerPipe } from './ownerPipe.ts';
import { ownerSocketPath } from './ownerSocket.ts';

/** null: no hub listens. Rejects with UserError, the system's error, or AbortError. */
export function connectOwner(dataDir: string, signal?: AbortSignal): Promise<Socket | null> {
  if (process.platform === 'win32') return connectOwnerPipe(dataDir);
  const path = ownerSocketPath(dataDir);
  return new Promise((resolve, reject) => {
    const socket = connect({ path, ...(signal === undefined ? {} : { signal }) });
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
    const fail = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null);
      else reject(error);
    };
    socket.once('error', fail);
  });
}
