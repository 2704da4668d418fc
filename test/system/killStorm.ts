// kill -9 at random moments, again and again: hub and node in turn, under load, each restarted in place. After every kill, service must
// return by itself and the store must be intact.

import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../seededRandom.ts';
import {
  endAll,
  eventually,
  type Hub,
  launchHub,
  launchNode,
  listNodes,
  makeLink,
  makeTempDir,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

export interface Return {
  readonly victim: 'hub' | 'node';
  /** So many of it were killed one after the other, all but the first while they started. */
  readonly kills: number;
  /** From the start of the one that lived to the first whole page. */
  readonly backMs: number;
}

const PAGE_BYTES = 200_000;
const BACK_MS = 90_000;
/** Of the traffic that a victim is killed in. */
const BUSY_MAX_MS = 800;
/** About what a start takes. */
const STARTING_MAX_MS = 1_500;
/** The share of successors that are killed while they start. */
const KILLED_STARTING = 0.4;

/** Kills at least `kills` times. Throws when anything is not as it was. */
export async function killStorm(options: {
  seed: number;
  kills: number;
  workers: number;
  onReturn?: (back: Return) => void;
}): Promise<void> {
  const { workers, onReturn } = options;
  const random = seededRandom(options.seed);
  const target = await Target.start();
  try {
    let hub = await startHub({ workers });
    const { tunnel, socks, http, dashboard, publicKey } = hub.ready;
    const hubPlace = {
      workers,
      dataDir: hub.dataDir,
      args: ['--tunnel', tunnel, '--socks', socks, '--http', http, '--dashboard', dashboard],
    };
    const nodePlace = { dataDir: makeTempDir() };
    let node = await startNode({ links: [(await makeLink(hub)).link], ...nodePlace });
    const known = await namesOf(hub);
    let left = options.kills;
    for (let victim: 'hub' | 'node' = 'hub'; left > 0; victim = victim === 'hub' ? 'node' : 'hub') {
      const traffic = await load(hub, target.port);
      await delay(random() * BUSY_MAX_MS);
      await (victim === 'hub' ? hub : node).kill();
      for (const { socket } of traffic) socket.destroy();
      let kills = 1;
      while (random() < KILLED_STARTING) {
        const successor = victim === 'hub' ? launchHub(hubPlace) : launchNode(nodePlace);
        await delay(random() * STARTING_MAX_MS);
        await successor.kill();
        kills++;
      }
      left -= kills;
      const startedMs = performance.now();
      if (victim === 'hub') hub = await startHub(hubPlace);
      else node = await startNode(nodePlace);
      await eventually(() => fetchPage(hub, target.port), BACK_MS);
      onReturn?.({ victim, kills, backMs: Math.round(performance.now() - startedMs) });
      assert.equal(hub.ready.publicKey, publicKey);
      await eventually(async () => assert.deepEqual(await namesOf(hub), known));
      await checkStore(hub.dataDir);
      assert.deepEqual([...hub.faults(), ...node.faults()], []);
    }
    assert.deepEqual(await node.stop(), { code: 0, signal: null });
    assert.deepEqual(await hub.stop(), { code: 0, signal: null });
  } finally {
    await endAll();
    await target.close();
  }
}

async function load(hub: Hub, port: number): Promise<Stream[]> {
  const streams = await Promise.all([
    Stream.open(hub.socks, port, 'flood'),
    Stream.open(hub.socks, port, 'sink'),
  ]);
  streams[1]!.upload(Number.POSITIVE_INFINITY);
  return streams;
}

async function fetchPage(hub: Hub, port: number): Promise<void> {
  const stream = await Stream.open(hub.socks, port, `send ${PAGE_BYTES}`);
  assert.equal(await stream.over, 'end');
  assert.deepEqual([stream.received, stream.damaged], [PAGE_BYTES, false]);
}

/** `nodes --json`: which there are, and that the one is connected. */
async function namesOf(hub: Hub): Promise<string[]> {
  const nodes = await listNodes(hub);
  assert.deepEqual(
    nodes.map(({ connected }) => connected),
    [true],
  );
  return nodes.map(({ id, name }) => `${id} ${name}`);
}

/** A running hub shares its store with nobody, so a backup of it is looked at. */
async function checkStore(dataDir: string): Promise<void> {
  const backup = join(makeTempDir(), 'hub.db');
  await runCommand(['backup', backup], dataDir);
  const database = new DatabaseSync(backup, { readOnly: true });
  try {
    assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  } finally {
    database.close();
  }
}
