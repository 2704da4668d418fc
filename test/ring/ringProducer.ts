// The pushing thread of ring.test.ts.

import { workerData } from 'node:worker_threads';
import { Bell } from '../../src/ring/bell.ts';
import { RingWriter } from '../../src/ring/ring.ts';
import { fill, lengthOf, type Shared, SLEEP_EVERY } from './ringMessages.ts';

const ASLEEP = 1;

const { buffer, marks, messages, port } = workerData as Shared;
const writer = new RingWriter(buffer);
const flags = new Int32Array(marks);
const bell = new Bell(flags, 0, { kind: 'port', port });
const scratch = new Uint8Array(512);

for (let number = 0; number < messages; number++) {
  if (number % SLEEP_EVERY === 0) while (Atomics.load(flags, 0) !== ASLEEP) rest();
  fill(scratch, number);
  while (!writer.push(scratch, lengthOf(number))) rest();
  bell.ringIfAsleep();
}

/** flags[1] never changes: this lets the other thread run where there is one processor only. */
function rest(): void {
  Atomics.wait(flags, 1, 0, 0.01);
}
