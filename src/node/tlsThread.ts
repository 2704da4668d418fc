// The thread that speaks TLS for an engine thread without an event loop of Node's: between the socket to a web server and the plain end of a
// socket pair it encrypts and decrypts, and knows nothing else. Started with the first such connection.

import { Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';
import type { FromTls, ToTls } from './tlsBridge.ts';
import { connectTls, tlsFailure } from './tlsClient.ts';

function carry({ dial, socket, plain, host }: ToTls): void {
  const inside = new Socket({ fd: plain, readable: true, writable: true });
  const secure = connectTls(new Socket({ fd: socket, readable: true, writable: true }), host);
  let isSecure = false;
  secure.once('secureConnect', () => {
    isSecure = true;
    inside.pipe(secure);
    secure.pipe(inside);
  });
  // Until the engine has heard why, it keeps its end.
  secure.on('error', (error) => {
    if (isSecure) inside.destroy();
    else parentPort?.postMessage({ dial, reason: tlsFailure(error) } satisfies FromTls);
  });
  secure.on('close', () => {
    if (isSecure) inside.destroySoon();
  });
  inside.on('error', () => secure.destroy());
  inside.on('close', () => secure.destroy());
  // Nobody reads it before TLS is up; its end has to be heard all the same.
  inside.on('end', () => {
    if (!isSecure) inside.destroy();
  });
}

parentPort?.on('message', carry);
