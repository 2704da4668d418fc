// Which hosts pairing links name. Pure.

import type { NetworkInterfaceInfo } from 'node:os';
import { type HostPort, splitHostPort } from '../../base/hostPort.ts';
import type { PairingLinks } from '../../model/fleet.ts';
import { formatLink, type PairingLink, parseWebSocketAddress } from '../../model/pairingLink.ts';

export interface PublicHostChoice {
  readonly host: string;
  /** null: the one that the tunnel listens on. Another one is forwarded to it: by a router, a container, a balancer. */
  readonly port: number | null;
  /** Nobody named it: it is an address of this machine that may not be reachable from outside. */
  readonly guessed: boolean;
}

/**
 * The host asked for ("host" or "host:port"), else the one remembered, else the address the tunnel is bound to, else (bound to every address) the
 * first non-internal IPv4 address of the machine, else 127.0.0.1.
 * @param bound the tunnel's bind host, null when not known
 */
export function choosePublicHost(
  asked: string | null,
  remembered: string | null,
  bound: string | null,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
): PublicHostChoice {
  const named = asked ?? remembered;
  if (named !== null) return { ...(splitHostPort(named) ?? { host: named, port: null }), guessed: false };
  if (bound !== null && bound !== '0.0.0.0' && bound !== '::')
    return { host: bound, port: null, guessed: false };
  for (const addresses of Object.values(interfaces)) {
    const external = addresses?.find((address) => address.family === 'IPv4' && !address.internal);
    if (external !== undefined) return { host: external.address, port: null, guessed: true };
  }
  return { host: '127.0.0.1', port: null, guessed: true };
}

/** `publicWebSocket`: as --public-websocket has it; null: there is none. */
export function pairingLinks(
  address: HostPort,
  publicWebSocket: string | null,
  secrets: Pick<PairingLink, 'hubPublicKey' | 'token' | 'clusterKey'>,
): PairingLinks {
  const way = publicWebSocket === null ? null : parseWebSocketAddress(publicWebSocket, '--public-websocket');
  return {
    link: formatLink({ ...address, ...secrets }),
    webSocketLink: way === null ? null : formatLink({ ...way, ...secrets }),
    bothWaysLink: way === null ? null : formatLink({ ...address, otherWay: way, ...secrets }),
  };
}
