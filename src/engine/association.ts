// What a hub knows of one UDP association, beside its stream.

import type { Endpoint } from '../base/endpoint.ts';
import type { UdpId } from '../reactor/datagrams.ts';

export interface Association {
  /** 0 until the node has accepted. */
  udp: UdpId;
  /** The client: its address, and the port of its datagrams once it is known (0 before that). */
  readonly client: Endpoint;
  /** When a datagram last passed, either way. */
  lastMs: number;
}
