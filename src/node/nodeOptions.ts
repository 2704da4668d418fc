// The options of an exit node, and what a running one offers.

import type { Logger } from 'pino';
import type { Network } from '../model/fleet.ts';
import type { Via } from '../model/via.ts';
import type { KeyStoreName } from '../noise/keyStores.ts';

export interface NodeOptions {
  dataDir: string;
  /** Pairing links of this start; hubs of earlier starts are remembered in the data directory. */
  links: string[];
  name: string | null;
  /** `CIDR[:PORTS]`, exceptions to the refusal of private and reserved targets. */
  allowTargets: string[];
  io: 'auto' | 'epoll' | 'net';
  /** Sessions to each hub at once; 'auto' adds a second one where the round trip says that the path is a long one. */
  lanes: number | 'auto';
  /** Over what it reaches the world, in the owner's words; null or absent: what the system says. */
  network?: Network | null;
  /** The proxy through which hubs are dialled; 'env': the one that the environment names for each; null or absent: none. Targets never go there. */
  via?: Via | 'env' | null;
  /** The owner's command that gets this device a new public address; null or absent: there is none. */
  onRotate?: string | null;
  /** A page that says from which address it is asked; null or absent: nobody is asked. */
  publicAddressUrl?: string | null;
  /** Go on with a new key where the old one is missing or damaged; absent: no. */
  acceptLoss?: boolean;
  /** Where a new key goes, and where an old one must be; null or absent: wherever it is, and new ones where the platform keeps keys. */
  keyStore?: KeyStoreName | null;
  /** What open streams get to end once the node is asked to stop; absent: ENGINE.drainMs. */
  drainMs?: number;
  /** What may wait for targets that do not read, in bytes; null or absent: a share of this device's memory. */
  memoryBytes?: number | null;
  /** Of one cluster, how many hubs are dialled at most; 0: lists of hubs are ignored; absent: NODE.hubsMax. */
  hubsMax?: number;
  log: Logger;
}

export interface RunningNode {
  /** Settles the first time any hub is connected. */
  readonly connected: Promise<{ nodeId: string; hubs: string[] }>;
  /** Resolves once the engine thread has answered: never, while it hangs. */
  alive(): Promise<void>;
  /** How it goes, in a few words. */
  summary(): string;
  /** A second call stops at once. */
  stop(): Promise<void>;
  readonly ended: Promise<Error | null>;
}
