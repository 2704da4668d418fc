// Ringing a reactor's doorbell from any thread, the control thread included.

import type { MessagePort } from 'node:worker_threads';
import { type Libc, loadLibc } from './libc.ts';
import type { Doorbell } from './reactor.ts';

/**
 * Wakes the reactor: its onDoorbell handlers run some time later. Any number of threads may ring an eventfd, until closeDoorbell();
 * a port belongs to the one thread it was transferred to.
 */
export function ringDoorbell(doorbell: Doorbell): void {
  if (doorbell.kind === 'port') {
    doorbell.port.postMessage(0);
    return;
  }
  const { libc, address } = theOne();
  libc.write(doorbell.fd, address, ONE_BYTES);
}

/** The transfer list for posting the doorbell to another thread. */
export function doorbellTransferList(doorbell: Doorbell): MessagePort[] {
  return doorbell.kind === 'port' ? [doorbell.port] : [];
}

/**
 * Closes the doorbell's descriptor. Call it only when nobody rings any more: a late ring would write eight bytes into the file or
 * connection that got the number next. For that reason Reactor.stop() leaves it open. A thread that ends need not call it.
 */
export function closeDoorbell(doorbell: Doorbell): void {
  if (doorbell.kind === 'port') doorbell.port.close();
  else theOne().libc.close(doorbell.fd);
}

/** The u64 1, which a ring adds to the eventfd's counter. */
interface One {
  readonly libc: Libc;
  /** Keeps what is at `address` alive. */
  readonly bytes: Uint8Array;
  readonly address: number;
}

const ONE_BYTES = 8;
let one: One | undefined;

function theOne(): One {
  if (one !== undefined) return one;
  const libc = loadLibc();
  if (libc === null) throw new Error('an eventfd doorbell needs the Linux reactor, which this system lacks');
  const bytes = new Uint8Array(new ArrayBuffer(ONE_BYTES));
  bytes[0] = 1;
  one = { libc, bytes, address: libc.addressOf(bytes) };
  return one;
}
