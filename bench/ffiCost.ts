// What one foreign call costs on this machine: node bench/ffiCost.ts. The table in native-notes/ffi.md comes from it.

import { loadLibc } from '../src/reactor/libc.ts';

const CALLS = 1_000_000;

function measure(name: string, call: () => void): void {
  for (let i = 0; i < CALLS / 10; i++) call();
  const startedMs = performance.now();
  for (let i = 0; i < CALLS; i++) call();
  const nanoseconds = ((performance.now() - startedMs) * 1e6) / CALLS;
  console.log(`${nanoseconds.toFixed(0).padStart(6)} ns  ${name}`);
}

const libc = loadLibc();
if (libc === null) throw new Error('the epoll reactor is not available here');
const bytes = new Uint8Array(new ArrayBuffer(4_096));
const address = libc.addressOf(bytes);
const eventFd = libc.eventfd(0, 0x800);

measure('recv on a bad descriptor', () => libc.recv(-1, address, bytes.length, 0));
measure('errno', () => libc.errno());
measure('write to an eventfd (the doorbell)', () => {
  bytes[0] = 1;
  libc.write(eventFd, address, 8);
});
measure('performance.now', () => performance.now());
libc.close(eventFd);
