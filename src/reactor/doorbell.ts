// Ringing a reactor's doorbell from any thread, the control thread included.

import type { MessagePort } from 'node:worker_threads';
import { type Libc, loadLibc } from './libc.ts';
import type { Doorbell } from './reactor.ts';

let one: { readonly libc: Libc; readonly bytes: Uint8Array; readonly address: number } | undefined;

/**
 * Wakes the reactor: its onDoorbell handlers run some time after. An eventfd may be rung by any number of threads for as long as
 * nobody called closeDoorbell() on it; a port belongs to the one thread it was transferred to.
 */
export function ringDoorbell(doorbell: Doorbell): void {
  if (doorbell.kind === 'port') {
    doorbell.port.postMessage(0);
    return;
  }
  const { libc, address } = loadOne();
  libc.write(doorbell.fd, address, 8);
}

/** What must stand in the transfer list when the doorbell is posted to another thread. */
export function doorbellTransferList(doorbell: Doorbell): MessagePort[] {
  return doorbell.kind === 'port' ? [doorbell.port] : [];
}

/**
 * Gives the doorbell's descriptor back. Reactor.stop() does not: a late ring would write eight bytes into whatever file or
 * connection got the number next. So only for who knows that nobody rings any more; a thread's end needs no such call.
 */
export function closeDoorbell(doorbell: Doorbell): void {
  if (doorbell.kind === 'port') doorbell.port.close();
  else loadOne().libc.close(doorbell.fd);
}

function loadOne() {
  if (one === undefined) {
    const libc = loadLibc();
    if (libc === null)
      throw new Error('an eventfd doorbell needs the Linux reactor, which this system lacks');
    // The u64 that is added to the eventfd's counter.
    const bytes = new Uint8Array(new ArrayBuffer(64));
    bytes[0] = 1;
    one = { libc, bytes, address: libc.addressOf(bytes) };
  }
  return one;
}
