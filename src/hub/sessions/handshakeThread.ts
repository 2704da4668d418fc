// A thread of the handshake pool: several first messages at once, behind everything else that wants the processor.

import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { CONTROL } from '../../limits/ownerBounds.ts';
import { answerAll, type HandshakeAnswer, type HandshakeBatch } from '../../noise/handshakeJob.ts';

beNice();

export default function answerBatch(batch: HandshakeBatch): HandshakeAnswer[] {
  return answerAll(batch, cpuMs);
}

/** Of this thread, so that another one's time does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
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
