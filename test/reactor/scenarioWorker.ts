// The thread a conformance test runs its reactor in (the epoll reactor blocks its thread). Started by conformance.test.ts.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Slab } from '../../src/base/slab.ts';
import { createReactor } from '../../src/reactor/create.ts';
import { doorbellTransferList } from '../../src/reactor/doorbell.ts';
import type { ConnHandler, ConnId, ListenHandler, Reactor } from '../../src/reactor/reactor.ts';
import { scenarios } from './scenarios.ts';
import { udpScenarios } from './udpScenarios.ts';

export interface Stage {
  readonly reactor: Reactor;
  readonly slab: Slab;
  /** A message to the test: its kind and values. */
  tell(kind: string, ...values: unknown[]): void;
  /** What to do with a command of the test. */
  onCommand(handler: (command: unknown) => void): void;
  /** Listens on address:0 and tells 'port'; every connection goes to onAccept. */
  listen(address: string, onAccept: (conn: ConnId) => void): number;
  /** A handler in which whatever is not given must not happen. */
  handler(given: Partial<ConnHandler>): ConnHandler;
  /** Everything readable now, as latin1; 'END' and 'ERR n' as the read result says. */
  readAll(conn: ConnId, length?: number): { text: string; ended: boolean; errno: number };
  write(conn: ConnId, text: string): number;
}

const port = parentPort!;
const reactor = createReactor(workerData.io);
const slab = reactor.slab(65_536);
let command: (value: unknown) => void = () => {};

const stage: Stage = {
  reactor,
  slab,
  tell: (kind, ...values) => port.postMessage([kind, ...values]),
  onCommand(handler) {
    command = handler;
  },
  listen(address, onAccept) {
    const handler: ListenHandler = {
      onListening: (_id, bound, number) => stage.tell('port', number, bound),
      onListenFailed: (_id, errno) => stage.tell('listen failed', errno),
      onAccept: (conn) => onAccept(conn),
      onAcceptFailed: (_id, errno) => stage.tell('accept failed', errno),
    };
    return reactor.listen(address, 0, handler);
  },
  handler(given) {
    const unexpected =
      (name: string) =>
      (...values: unknown[]) =>
        stage.tell('unexpected', name, ...values);
    return {
      onConnected: unexpected('onConnected'),
      onConnectFailed: unexpected('onConnectFailed'),
      onReadable: unexpected('onReadable'),
      onWritable: unexpected('onWritable'),
      onBroken: unexpected('onBroken'),
      ...given,
    };
  },
  readAll(conn, length = slab.bytes.length) {
    let text = '';
    for (;;) {
      const count = reactor.read(conn, slab, 0, length);
      if (count <= 0) return { text, ended: count === 0, errno: count < 0 && count !== -11 ? -count : 0 };
      text += Buffer.from(slab.bytes.subarray(0, count)).toString('latin1');
    }
  },
  write(conn, text) {
    const length = slab.bytes.length;
    const bytes = Buffer.from(text, 'latin1');
    slab.bytes.set(bytes, length - bytes.length);
    return reactor.write(conn, slab, length - bytes.length, bytes.length);
  },
};

reactor.onFault((error) => stage.tell('fault', error instanceof Error ? error.message : String(error)));
reactor.onDoorbell({
  onDoorbell() {
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      if (got.message === 'stop') reactor.stop();
      else command(got.message);
    }
  },
});
const { doorbell } = reactor;
port.postMessage(['doorbell', doorbell], doorbellTransferList(doorbell));
({ ...scenarios, ...udpScenarios })[workerData.scenario as string]!(stage, workerData.args);
reactor.run();
