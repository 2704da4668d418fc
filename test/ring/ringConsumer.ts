// The popping thread of ring.test.ts: it works, says that it sleeps, looks once more, and sleeps until it is rung.

import { parentPort, workerData } from 'node:worker_threads';
import { Sleeper } from '../../src/ring/bell.ts';
import { RingReader } from '../../src/ring/ring.ts';
import { fill, lengthOf, type Shared } from './ringMessages.ts';

const { buffer, marks, messages, port } = workerData as Shared;
const reader = new RingReader(buffer);
const sleeper = new Sleeper(new Int32Array(marks), 0);
const expected = new Uint8Array(512);
let number = 0;
let bytes = 0;
let rung = 0;

function work(): void {
  while (reader.next()) {
    fill(expected, number);
    const { offset, length } = reader;
    if (length !== lengthOf(number)) throw new Error(`message ${number} has ${length} bytes`);
    for (let at = 0; at < length; at++) {
      if (reader.bytes[offset + at] !== expected[at])
        throw new Error(`message ${number} is damaged at ${at}`);
    }
    reader.done();
    bytes += length;
    number++;
  }
}

function turn(): void {
  for (;;) {
    work();
    if (number === messages) {
      parentPort!.postMessage({ rung, bytes });
      return;
    }
    sleeper.sleep();
    if (reader.isEmpty) return;
    sleeper.wake();
  }
}

port.on('message', () => {
  rung++;
  turn();
});
turn();
