// A thread of the handshake pool: several first messages at once, behind everything else that wants the processor.

import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { CONTROL } from '../../limits/owner.ts';
import { answerAll, type HandshakeAnswer, type HandshakeBatch } from '../../noise/handshakeJob.ts';

beNice();

export default function answerBatch(batch: HandshakeBatch): HandshakeAnswer[] {
  // Not the thread's CPU clock, which stands still until the thread sleeps or is interrupted (getrusage(2)).
  return answerAll(batch, () => performance.now());
}

/** Linux gives each thread a priority of its own (setpriority(2), notes); elsewhere it would be the process's. */
function beNice(): void {
  if (process.platform !== 'linux') return;
  try {
    // PID/task/TID
    const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(tid, CONTROL.handshakeNiceness);
  } catch {
    // Without /proc the threads are as important as the others.
  }
}
