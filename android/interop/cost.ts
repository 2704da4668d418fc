// What the Java core costs beside the TypeScript node, in one run: CPU seconds of the node's process for the same work, and its heap.
//
//     mvn -q -f android/pom.xml -pl core package && node android/interop/cost.ts [--conscrypt JAR] [-- JVM options]
//
// The JDK's ChaCha20-Poly1305 is plain Java. A phone's is Conscrypt's, whose jar for desktops Maven Central has as
// org.conscrypt:conscrypt-openjdk-uber.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { counters, type ExitNode, endAll, type Hub, pairNode, startHub } from '../../test/system/harness.ts';
import { Stream } from '../../test/system/stream.ts';
import { Target } from '../../test/system/target.ts';

const MIB = 2 ** 20;
const TICKS_PER_SECOND = 100;
const BULK_BYTES = 1_024 * MIB;
const ROUNDS = 50_000;
const CONNECTIONS = 10_000;
const IDLE_STREAMS = 1_000;
const CORE = fileURLToPath(new URL('../core/target/core.jar', import.meta.url));
const { values, positionals: jvmOptions } = parseArgs({
  options: { conscrypt: { type: 'string' } },
  allowPositionals: true,
});
const classPath = values.conscrypt === undefined ? CORE : `${CORE}:${values.conscrypt}`;

const target = await Target.start();
const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
echo.listen(0, '127.0.0.1');
await once(echo, 'listening');
const echoPort = (echo.address() as AddressInfo).port;

const MAIN = 'io.restunnel.node.desktop.Main';

/** User and system time of a process and its threads. */
function cpuSeconds({ pid }: { readonly pid: number }): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const works: Record<string, (hub: Hub) => Promise<void>> = {
  async down(hub) {
    await (await Stream.open(hub.socks, target.port, `send ${BULK_BYTES}`)).over;
  },
  async up(hub) {
    const stream = await Stream.open(hub.socks, target.port, 'sink');
    stream.upload(BULK_BYTES);
    await stream.over;
  },
  async pingPong(hub) {
    const { socket } = await Stream.open(hub.socks, echoPort, '');
    await once(socket, 'data');
    await rounds(socket, ROUNDS);
    socket.destroy();
  },
  async connections(hub) {
    let left = CONNECTIONS;
    const one = async () => {
      while (left-- > 0) await (await Stream.open(hub.socks, target.port, 'send 500')).over;
    };
    await Promise.all(Array.from({ length: 16 }, one));
  },
};

function rounds(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve) => {
    socket.on('data', () => {
      if (--count === 0) resolve();
      else socket.write('x');
    });
    socket.write('x');
  });
}

interface Cost {
  readonly cpu: Record<string, number>;
  readonly idleMb: number;
  readonly heapMb: number | null;
}

async function measure(isJava: boolean): Promise<Cost> {
  if (isJava) process.env.RESTUNNEL_TEST_NODE = ['java', ...jvmOptions, '-cp', classPath, MAIN].join(' ');
  else delete process.env.RESTUNNEL_TEST_NODE;
  const hub = await startHub();
  const node: ExitNode = await pairNode(hub);
  const cpu: Record<string, number> = {};
  for (const [name, work] of Object.entries(works)) {
    // Both compile what they run often: the second time counts.
    await work(hub);
    const before = cpuSeconds(node);
    await work(hub);
    cpu[name] = cpuSeconds(node) - before;
  }
  const streams = await Promise.all(
    Array.from({ length: IDLE_STREAMS }, () => Stream.open(hub.socks, target.port, 'hold')),
  );
  const heapMb = isJava ? liveHeapMb(node.pid) : null;
  const idleMb = counters(node.pid).rssBytes / MIB;
  for (const { socket } of streams) socket.destroy();
  await endAll();
  return { cpu, idleMb, heapMb };
}

/** After a full collection. */
function liveHeapMb(pid: number): number {
  const histogram = execFileSync('jcmd', [String(pid), 'GC.class_histogram'], { encoding: 'utf8' });
  return Number(/^Total\s+\d+\s+(\d+)/m.exec(histogram)![1]) / MIB;
}

const units: Record<string, [per: number, unit: string]> = {
  down: [BULK_BYTES / 2 ** 30, 's a GB down'],
  up: [BULK_BYTES / 2 ** 30, 's a GB up'],
  pingPong: [ROUNDS / 1e6, 'µs a round'],
  connections: [CONNECTIONS / 1e6, 'µs a connection'],
};
const ours = await measure(false);
const core = await measure(true);
for (const [name, [per, unit]] of Object.entries(units)) {
  const a = ours.cpu[name]! / per;
  const b = core.cpu[name]! / per;
  console.log(`${unit}: TypeScript ${a.toFixed(2)}, Java ${b.toFixed(2)}, ratio ${(b / a).toFixed(2)}`);
}
console.log(`1,000 idle streams: live heap of the core ${core.heapMb!.toFixed(1)} MB`);
console.log(`resident then: TypeScript ${ours.idleMb.toFixed(0)} MB, Java ${core.idleMb.toFixed(0)} MB`);
echo.close();
await target.close();
