import { describe, expect, it } from 'vitest';
import { failureOfErrno, moreTelling } from '../../src/node/connectErrors.ts';
import { ERRNO } from '../../src/reactor/errno.ts';

describe('failures of connect()', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ENETUNREACH', 'networkUnreachable'],
    ['EAFNOSUPPORT', 'networkUnreachable'],
    ['EHOSTUNREACH', 'hostUnreachable'],
    ['ETIMEDOUT', 'timedOut'],
    ['EMFILE', 'nodeBusy'],
    ['ENFILE', 'nodeBusy'],
    ['ENOBUFS', 'nodeBusy'],
    ['EADDRNOTAVAIL', 'nodeBusy'],
    ['EACCES', 'policy'],
    ['EPERM', 'policy'],
    ['EIO', 'internal'],
  ] as const)('%s: %s', (code, failure) => {
    expect(failureOfErrno(ERRNO[code])).toBe(failure);
  });

  it('give the reason of the most telling one', () => {
    expect(moreTelling('networkUnreachable', 'refused')).toBe('refused');
    expect(moreTelling('refused', 'networkUnreachable')).toBe('refused');
    expect(moreTelling('timedOut', 'hostUnreachable')).toBe('timedOut');
    expect(moreTelling('internal', 'networkUnreachable')).toBe('networkUnreachable');
    expect(moreTelling('nodeBusy', 'networkUnreachable')).toBe('nodeBusy');
  });
});
