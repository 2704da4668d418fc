// What the Java core costs beside the TypeScript node, in one run: CPU seconds of the node's process for the same work, and its heap.
//
//     mvn -q -f android/pom.xml -pl core package && node android/interop/cost.ts [--rounds N] [--jdk-cipher]
//
// The two take turns, so that both have the same share of a busy machine, and the median of the rounds counts.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { counters, type ExitNode, endAll, type Hub, pairNode, startHub } from '../../test/system/harness.ts';
import { Stream } from '../../test/system/stream.ts';
import { Target } from '../../test/system/target.ts';
import { coreCommand, PHONE_CIPHER } from './core.ts';

const MIB = 2 ** 20;
const TICKS_PER_SECOND = 100;
const BULK_BYTES = 1_024 * MIB;
const ROUNDS = 50_000;
const CONNECTIONS = 10_000;
const IDLE_STREAMS = 1_000;
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, 'jdk-cipher': { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
const command = coreCommand({ cipher: values['jdk-cipher'] ? null : PHONE_CIPHER });

const target = await Target.start();
const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
echo.listen(0, '127.0.0.1');
await once(echo, 'listening');
const echoPort = (echo.address() as AddressInfo).port;

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
    await pingPong(socket, ROUNDS);
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

function pingPong(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve) => {
    socket.on('data', () => {
      if (--count === 0) resolve();
      else socket.write('x');
    });
    socket.write('x');
  });
}

/** A hub of its own and a node, TypeScript's or the core. */
class Side {
  readonly #hub: Hub;
  readonly #node: ExitNode;
  readonly #seconds: Record<string, number[]> = {};

  private constructor(hub: Hub, node: ExitNode) {
    this.#hub = hub;
    this.#node = node;
  }

  static async start(nodeCommand: string | null): Promise<Side> {
    if (nodeCommand === null) delete process.env.RESTUNNEL_TEST_NODE;
    else process.env.RESTUNNEL_TEST_NODE = nodeCommand;
    const hub = await startHub();
    return new Side(hub, await pairNode(hub));
  }

  async run(name: string, counts: boolean): Promise<void> {
    const before = cpuSeconds(this.#node);
    await works[name]!(this.#hub);
    if (!counts) return;
    const seconds = this.#seconds[name] ?? [];
    seconds.push(cpuSeconds(this.#node) - before);
    this.#seconds[name] = seconds;
  }

  /** Of the rounds. */
  median(name: string): number {
    const sorted = this.#seconds[name]!.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)]!;
  }

  /** With idle streams open: resident, and of the core the live heap. */
  async idle(isJava: boolean): Promise<{ readonly residentMb: number; readonly heapMb: number | null }> {
    const open = () => Stream.open(this.#hub.socks, target.port, 'hold');
    const streams = await Promise.all(Array.from({ length: IDLE_STREAMS }, open));
    const heapMb = isJava ? liveHeapMb(this.#node.pid) : null;
    const residentMb = counters(this.#node.pid).rssBytes / MIB;
    for (const { socket } of streams) socket.destroy();
    return { residentMb, heapMb };
  }
}

/** After a full collection. Direct buffers are not in it: of these a node has some fixed ones, and one for each tunnel that waits. */
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
const ours = await Side.start(null);
const core = await Side.start(command);
for (const name of Object.keys(works)) {
  // Both compile what they run often, so the first two rounds do not count.
  for (let round = -2; round < rounds; round++) {
    await ours.run(name, round >= 0);
    await core.run(name, round >= 0);
  }
  const [per, unit] = units[name]!;
  const a = ours.median(name) / per;
  const b = core.median(name) / per;
  console.log(`${unit}: TypeScript ${a.toFixed(2)}, Java ${b.toFixed(2)}, ratio ${(b / a).toFixed(2)}`);
}
const oursIdle = await ours.idle(false);
const coreIdle = await core.idle(true);
console.log(`1,000 idle streams: live heap of the core ${coreIdle.heapMb!.toFixed(1)} MB`);
console.log(
  `resident then: TypeScript ${oursIdle.residentMb.toFixed(0)} MB, Java ${coreIdle.residentMb.toFixed(0)} MB`,
);
await endAll();
echo.close();
await target.close();
