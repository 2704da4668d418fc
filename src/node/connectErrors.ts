// From the errno of a failed connect() to the failure that the hub hears, and which of several failures says most.

import type { FailureName } from '../model/failures.ts';
import { ERRNO } from '../reactor/errno.ts';

const BY_ERRNO = new Map<number, FailureName>([
  // A ruleset that is not ours: the system's firewall, a `prohibit` route, ICMPv6 "administratively prohibited".
  [ERRNO.EPERM, 'policy'],
  [ERRNO.EACCES, 'policy'],
  // Out of descriptors, memory or local ports.
  [ERRNO.EMFILE, 'nodeBusy'],
  [ERRNO.ENFILE, 'nodeBusy'],
  [ERRNO.ENOBUFS, 'nodeBusy'],
  [ERRNO.ENOMEM, 'nodeBusy'],
  [ERRNO.EAGAIN, 'nodeBusy'],
  [ERRNO.EADDRINUSE, 'nodeBusy'],
  [ERRNO.EADDRNOTAVAIL, 'nodeBusy'],
  // No IPv6 on this device.
  [ERRNO.EAFNOSUPPORT, 'networkUnreachable'],
  [ERRNO.ENETDOWN, 'networkUnreachable'],
  [ERRNO.ENETUNREACH, 'networkUnreachable'],
  [ERRNO.EHOSTDOWN, 'hostUnreachable'],
  [ERRNO.EHOSTUNREACH, 'hostUnreachable'],
  [ERRNO.ECONNREFUSED, 'refused'],
  // As good as a refusal.
  [ERRNO.ECONNRESET, 'refused'],
  [ERRNO.ETIMEDOUT, 'timedOut'],
]);

/** Least telling first: an answer from the target says more than silence, silence more than a family this device has no route for. */
const TELLING: readonly FailureName[] = [
  'internal',
  'policy',
  'networkUnreachable',
  'nodeBusy',
  'hostUnreachable',
  'timedOut',
  'refused',
];

export function failureOfErrno(errno: number): FailureName {
  return BY_ERRNO.get(errno) ?? 'internal';
}

export function moreTelling(a: FailureName, b: FailureName): FailureName {
  return TELLING.indexOf(b) > TELLING.indexOf(a) ? b : a;
}
