// Error numbers as every reactor reports them: those of Linux, on every platform.

export const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EPIPE: 32,
  ENONET: 64,
  EPROTO: 71,
  ENOPROTOOPT: 92,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  EAFNOSUPPORT: 97,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EINPROGRESS: 115,
} as const;

const BY_CODE = new Map<string, number>(Object.entries(ERRNO));

/** The number of an error code of Node ("ECONNREFUSED"); EIO for one that is not in the table. */
export function errnoOfCode(code: string | undefined): number {
  return BY_CODE.get(code ?? '') ?? ERRNO.EIO;
}

/** The name of an errno ("EADDRINUSE"); "errno 5" for one that is not in the table. */
export function codeOfErrno(errno: number): string {
  for (const [code, number] of BY_CODE) if (number === errno) return code;
  return `errno ${errno}`;
}

/** There is no descriptor left for this process or this system: the same call may succeed later. */
export class NoDescriptorError extends Error {
  override readonly name = 'NoDescriptorError';
}

/** What `call` failed with, for whoever cannot go on without it. */
export function failureOf(call: string, errno: number): Error {
  const text = `${call} failed: ${codeOfErrno(errno)}`;
  const isShort = errno === ERRNO.EMFILE || errno === ERRNO.ENFILE;
  return isShort ? new NoDescriptorError(text) : new Error(text);
}
