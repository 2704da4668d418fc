// A fleet of simulated devices at one hub, through what a fleet goes through: paired, connected, at rest, under requests, listed, left
// behind by a hub that is killed, and leaving by themselves. The devices share the machine with the hub.

import { setTimeout as delay } from 'node:timers/promises';
import { answerOf } from '../../src/boot/ownerClient.ts';
import { spentBetween, usageOf } from '../machine/usage.ts';
import { askOnce } from './ask.ts';
import { Devices } from './devices.ts';
import { FleetHub } from './fleetHub.ts';
import { Viewer } from './viewer.ts';

const CONNECT_MS = 600_000;
/** Pairing links that are made before their devices use them: fewer than a hub has open at once. */
const LINKS_AT_ONCE = 500;
const LINK_CLIENTS = 8;
const LIVE_SETTLE_MS = 2_000;
const LIVE_REQUESTS_PER_SECOND = 500;

export interface FleetOptions {
  readonly folder: string;
  readonly devices: number;
  /** Devices behind one address, as behind a carrier's NAT. */
  readonly perAddress: number;
  readonly lanes: number;
  readonly connections: number;
  readonly atOnce: number;
  readonly workers: number;
  readonly restMs: number;
  /** How long devices come and go, how many leave in a second, and how long each stays away. */
  readonly churnMs: number;
  readonly churnPerSecond: number;
  readonly churnBackMs: number;
  /** How long each part of the look at the live channel takes, and which channel it is. */
  readonly liveMs: number;
  readonly livePath: string;
  readonly nodeOptions: readonly string[];
  readonly progress: (text: string) => void;
}

/** Units are in the names. */
export interface FleetFigures {
  readonly devices: number;
  readonly enrolSeconds: number;
  readonly enrolCpuMicrosEach: number;
  readonly restCpuMicrosPerDeviceMinute: number;
  readonly restKilobytesEach: number;
  readonly connectionCpuMicros: number;
  readonly namedCpuMicros: number;
  readonly listMs: number;
  readonly listed: number;
  readonly liveIdleCpuPercent: number;
  readonly liveIdleKilobytesPerSecond: number;
  readonly liveCpuPercent: number;
  readonly liveKilobytesPerSecond: number;
  readonly hubBackSeconds: number;
  readonly firstAnswerSeconds: number;
  readonly half: number;
  readonly most: number;
  readonly all: number;
  readonly returnCpuMicrosEach: number;
  readonly failedAttempts: number;
  readonly dropFirstLanes: number;
  readonly dropAll: number;
  readonly dropLogLines: number;
  readonly churned: number;
  readonly asked: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function measureFleet(options: FleetOptions): Promise<FleetFigures> {
  const hub = new FleetHub(options);
  const devices = new Devices();
  try {
    await hub.start();
    const { progress } = options;
    const empty = usageOf([hub.pid]).rssBytes;
    const enrolled = await enrol(hub, devices, options);
    progress(`${options.devices} devices are paired and connected`);
    const rested = await rest(hub, options, empty);
    progress('they have rested');
    const requested = await request(hub, options);
    progress('requests are answered');
    const listed = await list(hub);
    const watched = await watch(hub, options);
    progress('a dashboard has watched');
    const returned = await restart(hub, devices, options);
    progress('all are back after kill -9');
    const dropped = await drop(hub, devices, options);
    progress('all are back after their connections broke');
    const churned = await churn(hub, devices, options);
    return {
      devices: options.devices,
      ...enrolled,
      ...rested,
      ...requested,
      ...listed,
      ...watched,
      ...returned,
      ...dropped,
      ...churned,
    };
  } finally {
    devices.stop();
    await hub.stop();
  }
}

/** CPU of the hub since the call, in microseconds. */
function hubMeter(hub: FleetHub): () => number {
  const before = usageOf([hub.pid]);
  return () => spentBetween(before, usageOf([hub.pid])).cpuMs * 1_000;
}

async function enrol(hub: FleetHub, devices: Devices, options: FleetOptions) {
  const startedMs = performance.now();
  let linkMs = 0;
  let micros = 0;
  for (let first = 0; first < options.devices; first += LINKS_AT_ONCE) {
    const count = Math.min(LINKS_AT_ONCE, options.devices - first);
    const linksMs = performance.now();
    const some: { link: string; name: string; from: string }[] = [];
    await inParallel(count, LINK_CLIENTS, async (at) => {
      const name = nameOf(first + at);
      some.push({ link: await hub.link(name), name, from: addressOf(first + at, options.perAddress) });
    });
    linkMs += performance.now() - linksMs;
    const spent = hubMeter(hub);
    devices.enrol(hub.tunnel, options.lanes, some);
    await devices.untilConnected((first + count) * options.lanes, CONNECT_MS);
    micros += spent();
  }
  return {
    enrolSeconds: (performance.now() - startedMs - linkMs) / 1_000,
    enrolCpuMicrosEach: micros / options.devices,
  };
}

async function rest(hub: FleetHub, { devices, restMs }: FleetOptions, emptyBytes: number) {
  // What the arrival left behind is done.
  await delay(Math.min(restMs, 3_000));
  const spent = hubMeter(hub);
  await delay(restMs);
  const perMinute = (spent() * 60_000) / restMs;
  return {
    restCpuMicrosPerDeviceMinute: perMinute / devices,
    restKilobytesEach: (usageOf([hub.pid]).rssBytes - emptyBytes) / 1_000 / devices,
  };
}

async function request(hub: FleetHub, options: FleetOptions) {
  const { connections, atOnce, devices } = options;
  const cost = async (count: number, nameFor: (at: number) => string | null) => {
    const spent = hubMeter(hub);
    await inParallel(count, atOnce, async (at) => void (await askOnce(hub, nameFor(at))));
    return spent() / count;
  };
  const anyNode = () => null;
  const ofNode = (at: number) => nameOf((at * 7_919) % devices);
  // Code is compiled.
  await cost(connections, anyNode);
  const connectionCpuMicros = await cost(connections, anyNode);
  await cost(Math.ceil(connections / 4), ofNode);
  return { connectionCpuMicros, namedCpuMicros: await cost(connections, ofNode) };
}

async function list(hub: FleetHub) {
  const startedMs = performance.now();
  const nodes = await answerOf(hub.owner.nodes.$get({ query: {} }));
  return { listMs: performance.now() - startedMs, listed: nodes.length };
}

/** What one viewer of the live channel costs the hub: while nothing happens, and under requests to devices in turn. */
async function watch(hub: FleetHub, options: FleetOptions) {
  const phase = async (isAsking: boolean, viewer: Viewer | null) => {
    await delay(Math.min(options.liveMs, LIVE_SETTLE_MS));
    const before = { bytes: viewer?.bytes ?? 0, atMs: performance.now() };
    const spent = hubMeter(hub);
    await (isAsking ? askSteadily(hub, options) : delay(options.liveMs));
    const seconds = (performance.now() - before.atMs) / 1_000;
    return {
      cpuPercent: spent() / seconds / 10_000,
      kilobytesPerSecond: ((viewer?.bytes ?? 0) - before.bytes) / 1_000 / seconds,
    };
  };
  const alone = { idle: await phase(false, null), busy: await phase(true, null) };
  const viewer = await Viewer.open(hub.socketPath, options.livePath);
  const watched = { idle: await phase(false, viewer), busy: await phase(true, viewer) };
  viewer.close();
  return {
    liveIdleCpuPercent: watched.idle.cpuPercent - alone.idle.cpuPercent,
    liveIdleKilobytesPerSecond: watched.idle.kilobytesPerSecond,
    liveCpuPercent: watched.busy.cpuPercent - alone.busy.cpuPercent,
    liveKilobytesPerSecond: watched.busy.kilobytesPerSecond,
  };
}

/** As many in each phase: what the hub spends on them is the same. */
async function askSteadily(hub: FleetHub, { devices, atOnce, liveMs }: FleetOptions): Promise<void> {
  const startedMs = performance.now();
  const wanted = Math.floor((liveMs * LIVE_REQUESTS_PER_SECOND) / 1_000);
  await inParallel(wanted, atOnce, async (at) => {
    await delay(Math.max(0, startedMs + (at * 1_000) / LIVE_REQUESTS_PER_SECOND - performance.now()));
    await askOnce(hub, nameOf((at * 7_919) % devices));
  });
}

async function restart(hub: FleetHub, devices: Devices, options: FleetOptions) {
  const failedBefore = devices.failedAttempts;
  const count = options.devices * options.lanes;
  const killedMs = performance.now();
  const since = () => (performance.now() - killedMs) / 1_000;
  await hub.kill();
  await devices.until(() => devices.connected === 0, CONNECT_MS);
  const reached = (share: number) => devices.untilConnected(Math.ceil(share * count), CONNECT_MS).then(since);
  const back = Promise.all([reached(0.5), reached(0.95), reached(1)]);
  await hub.start();
  const hubBackSeconds = since();
  const started = usageOf([hub.pid]);
  const first = firstAnswer(hub).then(since);
  const [half, most, all] = await back;
  const spentMs = spentBetween(started, usageOf([hub.pid])).cpuMs;
  return {
    hubBackSeconds,
    firstAnswerSeconds: await first,
    half,
    most,
    all,
    returnCpuMicrosEach: (spentMs * 1_000) / count,
    failedAttempts: devices.failedAttempts - failedBefore,
  };
}

/** All connections break at once, and the hub lives on: a router on its side restarts. */
async function drop(hub: FleetHub, devices: Devices, options: FleetOptions) {
  const count = options.devices;
  const linesBefore = hub.printedLines;
  devices.drop();
  await devices.until(() => devices.connected === 0, CONNECT_MS);
  const droppedMs = performance.now();
  const since = () => (performance.now() - droppedMs) / 1_000;
  const [dropFirstLanes, dropAll] = await Promise.all([
    devices.until(() => devices.firstLanes >= Math.ceil(0.95 * count), CONNECT_MS).then(since),
    devices.untilConnected(count * options.lanes, CONNECT_MS).then(since),
  ]);
  return { dropFirstLanes, dropAll, dropLogLines: hub.printedLines - linesBefore };
}

async function firstAnswer(hub: FleetHub): Promise<void> {
  const deadlineMs = performance.now() + CONNECT_MS;
  for (;;) {
    try {
      await askOnce(hub);
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await delay(20);
    }
  }
}

async function churn(hub: FleetHub, devices: Devices, options: FleetOptions) {
  const { churnMs, churnPerSecond, churnBackMs, atOnce } = options;
  const endMs = performance.now() + churnMs;
  const latencies: number[] = [];
  let failed = 0;
  let churned = 0;
  const leaving = (async () => {
    const startedMs = performance.now();
    while (performance.now() < endMs) {
      const due = Math.floor(((performance.now() - startedMs) * churnPerSecond) / 1_000);
      if (due > churned) devices.vanish(due - churned, churnBackMs);
      churned = Math.max(churned, due);
      await delay(20);
    }
  })();
  const clients = Array.from({ length: atOnce }, async () => {
    while (performance.now() < endMs) {
      const askedMs = performance.now();
      await askOnce(hub).catch(() => failed++);
      latencies.push(performance.now() - askedMs);
    }
  });
  await Promise.all([leaving, ...clients]);
  latencies.sort((a, b) => a - b);
  const quantile = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0;
  return {
    churned,
    asked: latencies.length,
    failed,
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
    maxMs: latencies.at(-1) ?? 0,
  };
}

function nameOf(at: number): string {
  return `device${at}`;
}

/** So many behind one address, each address in a network (/24) of its own: the hardest case for a hub that knows networks. */
function addressOf(at: number, perAddress: number): string {
  const network = Math.floor(at / perAddress);
  return `127.${1 + Math.floor(network / 250)}.${1 + (network % 250)}.7`;
}

async function inParallel(count: number, atOnce: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
