// A thread that runs one reactor and one scenario on it. The epoll reactor blocks its thread, so a test cannot run it in its own.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Slab } from '../../src/base/slab.ts';
import { createReactor } from '../../src/reactor/create.ts';
import { doorbellTransferList } from '../../src/reactor/doorbell.ts';
import {
  type ConnHandler,
  type ConnId,
  END,
  type ListenerId,
  type ListenHandler,
  type Reactor,
  WOULD_BLOCK,
} from '../../src/reactor/reactor.ts';
import type { ReportKind, Reports } from './reports.ts';
import { scenarios } from './scenarios.ts';
import { udpScenarios } from './udpScenarios.ts';

export interface ScenarioArgs {
  readonly port: number;
  readonly address: string;
  readonly count: number;
}

export type Scenario = (context: ScenarioContext, args: ScenarioArgs) => void;

/** What a scenario works with. */
export interface ScenarioContext {
  readonly reactor: Reactor;
  readonly slab: Slab;
  report<K extends ReportKind>(kind: K, report: Reports[K]): void;
  /** Reports a breach of the contract. */
  unexpected(what: string): void;
  /** What to do with a command of the test. */
  onCommand(handler: (command: unknown) => void): void;
  /** Listens on port 0 and reports the port; every connection goes to onAccept. */
  listen(address: string, onAccept: (conn: ConnId) => void): ListenerId;
  /** A handler for which every callback that is not given is unexpected. */
  handler(given: Partial<ConnHandler>): ConnHandler;
  /** Everything that is readable now, as latin1. errno is 0 unless a read failed. */
  readAll(conn: ConnId): { text: string; ended: boolean; errno: number };
  write(conn: ConnId, text: string): number;
}

const port = parentPort;
if (port === null) throw new Error('scenarioWorker.ts runs in a worker thread');
const { io, scenario, args } = workerData as {
  io: 'epoll' | 'net';
  scenario: string;
  args: ScenarioArgs;
};
const play = { ...scenarios, ...udpScenarios }[scenario];
if (play === undefined) throw new Error(`there is no scenario named ${scenario}`);

const reactor = createReactor(io);
const slab = reactor.slab(65_536);
let onCommand: (command: unknown) => void = () => context.unexpected('a command');

const context: ScenarioContext = {
  reactor,
  slab,
  report: (kind, report) => port.postMessage({ kind, report }),
  unexpected: (what) => context.report('unexpected', { what }),
  onCommand(handler) {
    onCommand = handler;
  },
  listen(address, onAccept) {
    const handler: ListenHandler = {
      onListening: (_id, address, port) => context.report('port', { port, address }),
      onListenFailed: (_id, errno) => context.unexpected(`onListenFailed ${errno}`),
      onAccept: (conn) => onAccept(conn),
      onAcceptFailed: (_id, errno) => context.unexpected(`onAcceptFailed ${errno}`),
    };
    return reactor.listen(address, 0, handler);
  },
  handler(given) {
    return {
      onConnected: () => context.unexpected('onConnected'),
      onConnectFailed: (_conn, _tag, errno) => context.unexpected(`onConnectFailed ${errno}`),
      onReadable: () => context.unexpected('onReadable'),
      onWritable: () => context.unexpected('onWritable'),
      onBroken: (_conn, _tag, errno) => context.unexpected(`onBroken ${errno}`),
      ...given,
    };
  },
  readAll(conn) {
    let text = '';
    for (;;) {
      const count = reactor.read(conn, slab, 0, slab.bytes.length);
      if (count <= 0) {
        const errno = count < 0 && count !== WOULD_BLOCK ? -count : 0;
        return { text, ended: count === END, errno };
      }
      text += latin1(slab.bytes.subarray(0, count));
    }
  },
  write(conn, text) {
    const bytes = Buffer.from(text, 'latin1');
    const offset = slab.bytes.length - bytes.length;
    slab.bytes.set(bytes, offset);
    return reactor.write(conn, slab, offset, bytes.length);
  },
};

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

reactor.onFault((error) =>
  context.report('fault', { message: error instanceof Error ? error.message : String(error) }),
);
reactor.onDoorbell({
  onDoorbell() {
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      if (got.message === 'stop') reactor.stop();
      else onCommand(got.message);
    }
  },
});
const { doorbell } = reactor;
port.postMessage({ kind: 'doorbell', report: { doorbell } }, doorbellTransferList(doorbell));
play(context, args);
reactor.run();
