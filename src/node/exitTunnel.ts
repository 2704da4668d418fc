// A tunnel at an exit node: what is under way for its streams before they have a local socket.

import { Tunnel } from '../engine/tunnel.ts';
import type { DialId } from './targetDialler.ts';

export class ExitTunnel extends Tunnel {
  /** The public key of its hub. */
  hub = '';
  /** By slot: targets being dialled. */
  readonly dials = new Map<number, DialId>();
  /** UDP associations. */
  associations = 0;
}
