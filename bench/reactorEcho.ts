// CPU of one reactor thread under three loads: node bench/reactorEcho.ts [epoll|net]. The client is an epoll reactor in another
// thread. Requests: 512 B back and forth over 64 connections. Connections: dialled, 64 B each way, reset, 32 at a time. Bulk: 4 senders.

import { isMainThread, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads';
import { IpAddress } from '../src/base/ipAddress.ts';
import { createReactor } from '../src/reactor/create.ts';
import { doorbellTransferList, ringDoorbell } from '../src/reactor/doorbell.ts';
import type { ConnHandler, Doorbell } from '../src/reactor/reactor.ts';

const WARM_UP_MS = 1_000;
const MEASURE_MS = 3_000;
const LOADS = ['requests', 'connections', 'bulk'] as const;
type Load = (typeof LOADS)[number];

interface ServerReport {
  readonly reads: number;
  readonly bytes: number;
  readonly accepts: number;
  readonly cpuMicros: number;
  readonly userMicros: number;
}

const IDLE: ConnHandler = {
  onConnected() {},
  onConnectFailed() {},
  onReadable() {},
  onWritable() {},
  onBroken() {},
};

if (isMainThread) for (const load of LOADS) await measure(process.argv[2] ?? 'epoll', load);
else if (workerData.role === 'server') serve(workerData.io, workerData.load);
else load(workerData.load, workerData.port);

async function measure(io: string, load: Load): Promise<void> {
  const file = new URL(import.meta.url);
  const report = await new Promise<ServerReport>((resolve, reject) => {
    const server = new Worker(file, { workerData: { role: 'server', io, load } });
    server.on('error', reject);
    server.on('message', (message: { port: number; doorbell: Doorbell } | { report: ServerReport }) => {
      if ('report' in message) {
        resolve(message.report);
        return;
      }
      const client = new Worker(file, { workerData: { role: 'client', load, port: message.port } });
      client.on('error', reject);
      client.on('message', (command) => {
        server.postMessage(command);
        ringDoorbell(message.doorbell);
      });
    });
  });
  const per = (count: number, unit: string) =>
    `${(report.cpuMicros / count).toFixed(2)} us CPU per ${unit}, ${(report.userMicros / count).toFixed(2)} in user space`;
  const seconds = MEASURE_MS / 1_000;
  if (load === 'requests')
    console.log(`${io}: ${per(report.reads, 'request')}, ${report.reads / seconds} a second`);
  if (load === 'connections')
    console.log(`${io}: ${per(report.accepts, 'connection')}, ${report.accepts / seconds} a second`);
  if (load === 'bulk') console.log(`${io}: ${per(report.bytes / 1e6, 'MB received')}`);
}

function serve(io: 'epoll' | 'net', load: Load): void {
  const reactor = createReactor(io);
  const slab = reactor.slab(65_536);
  const port = parentPort!;
  const { doorbell } = reactor;
  let reads = 0;
  let bytes = 0;
  let accepts = 0;
  let cpu = process.threadCpuUsage();
  const handler: ConnHandler = {
    ...IDLE,
    onReadable(conn) {
      const count = reactor.read(conn, slab, 0, slab.bytes.length);
      if (count > 0) {
        reads++;
        bytes += count;
        if (load !== 'bulk') reactor.write(conn, slab, 0, count);
      } else if (count !== -11) reactor.close(conn);
    },
  };
  reactor.onDoorbell({
    onDoorbell() {
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
        if (got.message === 'start') {
          reads = bytes = accepts = 0;
          cpu = process.threadCpuUsage();
          continue;
        }
        const { user, system } = process.threadCpuUsage(cpu);
        const report: ServerReport = { reads, bytes, accepts, cpuMicros: user + system, userMicros: user };
        port.postMessage({ report });
        reactor.stop();
      }
    },
  });
  reactor.listen('127.0.0.1', 0, {
    onListening: (_id, _address, bound) =>
      port.postMessage({ port: bound, doorbell }, doorbellTransferList(doorbell)),
    onListenFailed: (_id, errno) => console.error(`listen failed: errno ${errno}`),
    onAccept(conn) {
      accepts++;
      reactor.attach(conn, handler, 0);
    },
    onAcceptFailed: (_id, errno) => console.error(`accept failed: errno ${errno}`),
  });
  reactor.run();
}

function load(kind: Load, port: number): void {
  const reactor = createReactor('epoll');
  const slab = reactor.slab(65_536);
  const size = kind === 'requests' ? 512 : kind === 'connections' ? 64 : slab.bytes.length;
  const dial = () => reactor.connect(IpAddress.of('127.0.0.1'), port, 5_000, handler, 0);
  const send = (conn: number) => {
    do if (reactor.write(conn, slab, 0, size) < size) return;
    while (kind === 'bulk');
  };
  const handler: ConnHandler = {
    ...IDLE,
    onConnected: send,
    onWritable: send,
    onReadable(conn) {
      if (reactor.read(conn, slab, 0, slab.bytes.length) <= 0) return;
      if (kind === 'requests') send(conn);
      else {
        reactor.reset(conn);
        dial();
      }
    },
  };
  for (let i = kind === 'requests' ? 64 : kind === 'connections' ? 32 : 4; i > 0; i--) dial();
  const start = {
    onTimer() {
      parentPort!.postMessage('start');
      reactor.setTimer(MEASURE_MS, end, 0);
    },
  };
  const end = {
    onTimer() {
      parentPort!.postMessage('end');
      reactor.stop();
    },
  };
  reactor.setTimer(WARM_UP_MS, start, 0);
  reactor.run();
}
