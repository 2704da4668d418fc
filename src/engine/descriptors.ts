// Who may use the last file descriptors of the process. Clients stop first, so that the tunnel port always has some; there, newcomers
// take the places of strangers. Pure. The number of a descriptor says how many are in use: the kernel gives out the lowest free one, so
// all below one just accepted are taken.

import { DESCRIPTORS } from '../limits/engine.ts';

export interface DescriptorMarks {
  /** With fewer free, a client gets an answer: there is no room. */
  readonly clientsRefused: number;
  /** With fewer free, a client gets an RST: an answer takes time, and a descriptor meanwhile. */
  readonly clientsReset: number;
  /** With fewer free, a stranger goes for each new one. */
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
    // More than are accepted in one turn, where the limit allows it: a closed descriptor is free only when the turn ends.
    strangersReplaced: Math.floor(clientsRefused / 2),
  };
}
