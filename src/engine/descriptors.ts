// Who may use the last file descriptors of the process. Clients stop first, so that the tunnel port always has some; there newcomers
// take the places of strangers. Pure. Used by hubThread.ts with the number of each accepted descriptor: the kernel gives out the lowest
// free one, so below a number given out just now all are in use, whatever part of the process uses them.

import { DESCRIPTORS } from '../limits/bounds.ts';

export interface DescriptorMarks {
  /** Fewer free: a client is told that there is no room. */
  readonly clientsRefused: number;
  /** Fewer free: a client gets an RST, because telling it takes time, and a descriptor meanwhile. */
  readonly clientsReset: number;
  /** Fewer free: another stranger goes for a new one. */
  readonly strangersReplaced: number;
}

/** `limit`: RLIMIT_NOFILE, or Infinity. */
export function descriptorMarks(limit: number): DescriptorMarks {
  if (limit === Number.POSITIVE_INFINITY) {
    return { clientsRefused: 0, clientsReset: 0, strangersReplaced: 0 };
  }
  const { clientsRefusedDivisor, clientsRefusedMin, clientsRefusedMax } = DESCRIPTORS;
  const share = Math.floor(limit / clientsRefusedDivisor);
  const clientsRefused = Math.min(Math.max(share, clientsRefusedMin), clientsRefusedMax);
  return {
    clientsRefused,
    clientsReset: Math.floor((clientsRefused * 3) / 4),
    // Where the limit allows it more than are accepted in one turn: what is closed is free only when the turn ends.
    strangersReplaced: Math.floor(clientsRefused / 2),
  };
}
