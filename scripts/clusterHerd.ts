// Simulates a start of a whole cluster at once, and a hub that joins it: when devices are connected, how often they dial, what it costs the
// hubs. The devices' pauses and choices are the program's own; a hub is a line of handshakes at the rate that was measured.
//
//   node scripts/clusterHerd.ts [--devices 10000] [--hubs 50] [--per-device 50] [--handshakes 860]

import { parseArgs } from 'node:util';
import type { ListedHub } from '../src/cluster/hubList.ts';
import { HUB_LIST } from '../src/limits/cluster.ts';
import { STRANGER } from '../src/limits/strangers.ts';
import { Backoff } from '../src/node/backoff.ts';
import { planHubs } from '../src/node/followedHubs.ts';

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '10000' },
    hubs: { type: 'string', default: '50' },
    'per-device': { type: 'string', default: '50' },
    /** A second, of one hub on two cores shared with nobody: native-notes/performance.md, return of 8,000 devices. */
    handshakes: { type: 'string', default: '860' },
  },
});
const DEVICES = Number(values.devices);
const HUBS = Number(values.hubs);
const PER_DEVICE = Number(values['per-device']);
const HANDSHAKE_MS = 1_000 / Number(values.handshakes);
const HUB_CPU_US_PER_HANDSHAKE = 642;
const NEVER = Number.POSITIVE_INFINITY;

const keyOf = (kind: number, at: number) => {
  const bytes = Buffer.alloc(32, kind);
  bytes.writeUInt32BE(at);
  return bytes.toString('base64url');
};
const hubs: ListedHub[] = Array.from({ length: HUBS }, (_, at) => {
  return { name: `hub-${at}`, host: 'h', port: 9000, publicKey: keyOf(1, at) };
});
const indexOf = new Map(hubs.map(({ publicKey }, at) => [publicKey, at]));

/** The hubs that a device dials, of those listed. */
function chosen(device: number, listed: readonly ListedHub[]): number[] {
  const list = { cluster: 'c', number: 1, perDevice: PER_DEVICE, hubs: listed };
  const { add } = planHubs({
    ...{ devicePublicKey: keyOf(2, device), list, followed: [], others: new Set<string>(), max: 64 },
  });
  return add.map(({ publicKey }) => indexOf.get(publicKey)!);
}

interface Dial {
  readonly hub: number;
  readonly backoff: Backoff;
  atMs: number;
}

/** A binary heap by time. */
class Queue {
  readonly #dials: Dial[] = [];
  push(dial: Dial): void {
    const dials = this.#dials;
    let at = dials.push(dial) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (dials[parent]!.atMs <= dial.atMs) break;
      dials[at] = dials[parent]!;
      at = parent;
    }
    dials[at] = dial;
  }
  pop(): Dial | undefined {
    const dials = this.#dials;
    const first = dials[0];
    const last = dials.pop();
    if (first === undefined || last === undefined || dials.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= dials.length) break;
      if (child + 1 < dials.length && dials[child + 1]!.atMs < dials[child]!.atMs) child++;
      if (dials[child]!.atMs >= last.atMs) break;
      dials[at] = dials[child]!;
      at = child;
    }
    dials[at] = last;
    return first;
  }
}

/** Until every dial has become a session: milliseconds of each, and how many dials there were of each hub. */
function run(dials: readonly Dial[]): { connectedMs: number[]; dialsOf: number[] } {
  const queue = new Queue();
  for (const dial of dials) queue.push(dial);
  /** When each hub has done the handshakes in its line. */
  const freeAtMs = new Array<number>(HUBS).fill(0);
  const dialsOf = new Array<number>(HUBS).fill(0);
  const connectedMs: number[] = [];
  for (let dial = queue.pop(); dial !== undefined; dial = queue.pop()) {
    dialsOf[dial.hub]!++;
    const startMs = Math.max(freeAtMs[dial.hub]!, dial.atMs);
    // Too far back in the line: a stranger's connection lasts only so long, and the device dials again.
    const answeredMs = startMs + HANDSHAKE_MS;
    if (answeredMs - dial.atMs < STRANGER.deadlineMs) {
      freeAtMs[dial.hub] = answeredMs;
      connectedMs.push(answeredMs);
      continue;
    }
    const failedMs = dial.atMs + STRANGER.deadlineMs;
    dial.atMs = failedMs + dial.backoff.failed(failedMs, Math.random());
    queue.push(dial);
  }
  return { connectedMs: connectedMs.sort((one, other) => one - other), dialsOf };
}

function report(what: string, dials: readonly Dial[]): void {
  const { connectedMs, dialsOf } = run(dials);
  const at = (share: number) =>
    ((connectedMs[Math.ceil(share * connectedMs.length) - 1] ?? NEVER) / 1_000).toFixed(1);
  const all = dialsOf.reduce((sum, count) => sum + count, 0);
  const perHub = connectedMs.length / Math.max(1, dialsOf.filter((count) => count > 0).length);
  const cpuS = (perHub * HUB_CPU_US_PER_HANDSHAKE) / 1e6;
  console.log(
    `${what}: ${connectedMs.length} tunnels, 50 / 95 / 100 % after ${at(0.5)} / ${at(0.95)} / ${at(1)} s; ` +
      `${(all / connectedMs.length).toFixed(2)} dials a tunnel; ${perHub.toFixed(0)} tunnels and ${cpuS.toFixed(1)} s of CPU a hub`,
  );
}

/** As a device that has lost its session: its first pause is the backoff's. */
function redial(hub: number): Dial {
  const backoff = new Backoff();
  return { hub, backoff, atMs: backoff.failed(0, Math.random()) };
}

const devices = Array.from({ length: DEVICES }, (_, at) => at);
console.log(
  `${DEVICES} devices, ${HUBS} hubs, ${PER_DEVICE} of them a device, ${values.handshakes} handshakes a second and hub`,
);
report(
  'all hubs start at once',
  devices.flatMap((device) => chosen(device, hubs).map(redial)),
);

const last = HUBS - 1;
const before = hubs.slice(0, last);
const comers = devices.filter((device) => chosen(device, hubs).includes(last));
report(
  'a hub joins',
  comers.map(() => ({ hub: last, backoff: new Backoff(), atMs: Math.random() * HUB_LIST.dialSpreadMs })),
);
const moved = devices.filter((device) => {
  const now = new Set(chosen(device, hubs));
  return chosen(device, before).some((hub) => !now.has(hub));
});
console.log(`a hub joins: ${moved.length} devices leave one of their hubs for it`);
