// Whether this machine has an address, found out by binding to it: an interface without a carrier keeps its addresses, but no list of
// active interfaces has them.

import { createSocket } from 'node:dgram';
import { isIPv6Literal } from '../base/ipAddress.ts';

/** True when nobody can tell. */
export function hasLocalAddress(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6Literal(address) ? 'udp6' : 'udp4');
    const end = (has: boolean) => {
      socket.close();
      resolve(has);
    };
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code !== 'EADDRNOTAVAIL'));
    socket.bind({ address, port: 0, exclusive: true }, () => end(true));
  });
}
