// What one hub may take of its node's descriptors: whichever asks for too much, the node's other hubs find some (of memory: engine/relief.ts). Pure.

import { DESCRIPTORS } from '../limits/engine.ts';
import { NODE } from '../limits/node.ts';

/** What a hub has open at this node, over all of its lanes. */
export interface HubUse {
  readonly streams: number;
}

export class HubShares {
  /** Of descriptors, for streams; the rest is for dials to hubs, files and names. */
  readonly #room: number;
  /** From so many in use on, hubs open streams within their shares only. */
  readonly #sharedFrom: number;
  /** Streams that every hub gets, whatever the others have open. */
  #share = 0;
  #hubs = 0;

  /** @param descriptorLimit RLIMIT_NOFILE, or Infinity */
  constructor(descriptorLimit: number, hubs: number) {
    const { clientsRefusedDivisor, clientsRefusedMin, clientsRefusedMax } = DESCRIPTORS;
    const reserve = Math.floor(descriptorLimit / clientsRefusedDivisor);
    this.#room = descriptorLimit - Math.min(Math.max(reserve, clientsRefusedMin), clientsRefusedMax);
    this.#sharedFrom = Math.ceil(this.#room * (1 - 1 / NODE.sharedDivisor));
    this.setHubs(hubs);
  }

  /** So many share them from now on. */
  setHubs(hubs: number): void {
    this.#hubs = hubs;
    this.#share = Math.floor(this.#room / NODE.sharedDivisor / hubs);
  }

  /**
   * Whether a hub may open another stream. The last part of the room is divided: there each hub has its share.
   * @param used descriptors of streams and dials of all hubs
   * @param use of the hub that asks; looked at only when few descriptors are left
   */
  mayOpen(used: number, use: () => HubUse): boolean {
    if (used >= this.#room) return false;
    if (this.#hubs === 1 || used < this.#sharedFrom) return true;
    return use().streams < this.#share;
  }

  /** Whether a dial may have one more attempt beside those under way. */
  mayRace(used: number): boolean {
    return used < this.#room / 2;
  }
}
