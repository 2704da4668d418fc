// Errors that speak of the system's state, not of what was asked for. Pure.

const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN']);

/** There was no descriptor or memory for a system call: the same call may succeed later. Knows Node's system errors and uv's. */
export function isShortage(error: unknown): boolean {
  const { code, info } = error as { code?: unknown; info?: { code?: unknown } };
  return SHORTAGES.has(code) || SHORTAGES.has(info?.code);
}
