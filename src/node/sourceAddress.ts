// The address of ours from which the kernel would reach another, found out as getaddrinfo does: by connecting a UDP socket, which sends
// nothing.

import { createSocket } from 'node:dgram';
import { IpAddress, withoutZone } from '../base/ipAddress.ts';

/** RFC 1122, section 4.1.3.1: any port does. */
const PORT = 9;

/** Null: there is no route. Never rejects. */
export function sourceFor(destination: IpAddress): Promise<IpAddress | null> {
  return new Promise((resolve) => {
    const socket = createSocket(destination.isIPv4 ? 'udp4' : 'udp6');
    const end = (source: IpAddress | null) => {
      socket.close();
      resolve(source);
    };
    socket.once('error', () => end(null));
    socket.once('connect', () => end(IpAddress.parse(withoutZone(socket.address().address))));
    socket.connect(PORT, destination.toString());
  });
}
