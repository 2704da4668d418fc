// A device that follows its cluster's lists: what it believes, what it writes down, which hubs it dials and leaves. Lanes are the test's.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clusterKeyOf, type HubList, signHubList } from '../../src/cluster/hubList.ts';
import { splitHubList } from '../../src/cluster/hubListParts.ts';
import { HUB_LIST } from '../../src/limits/cluster.ts';
import { NODE } from '../../src/limits/node.ts';
import { HubFollower } from '../../src/node/hubFollower.ts';
import type { HubLane } from '../../src/node/hubLane.ts';
import { HubsFile } from '../../src/node/hubsFile.ts';

const OWNER = clusterKeyOf(new Uint8Array(32).fill(1));
const THIEF = clusterKeyOf(new Uint8Array(32).fill(2));
const bytes = (at: number) => new Uint8Array(32).fill(at);
const key = (at: number) => Buffer.from(bytes(at)).toString('base64url');
const link = (at: number, clusterKey?: Uint8Array) => {
  const hub = { host: `h${at}`, port: 9000, hubPublicKey: bytes(at), token: bytes(99) };
  return clusterKey === undefined ? hub : { ...hub, clusterKey };
};

/** What the lanes were told, and which hubs are reached. */
class FakeLanes {
  readonly told: string[] = [];
  readonly reached = new Set<string>();
  readonly leaving = new Map<string, () => void>();

  all(): HubLane[] {
    return [...this.reached].map((publicKey) => ({ publicKey, isConnected: true }) as HubLane);
  }
  readonly waits: number[] = [];
  addHub(publicKey: string, waitMs: number): void {
    this.told.push(`add ${nameOf(publicKey)}`);
    this.waits.push(waitMs);
  }
  redialHub(publicKey: string): void {
    this.told.push(`redial ${nameOf(publicKey)}`);
  }
  leaveHub(publicKey: string, _drainMs: number, _reason: string, onGone: () => void): void {
    this.told.push(`leave ${nameOf(publicKey)}`);
    this.leaving.set(publicKey, onGone);
  }
}

const nameOf = (publicKey: string) => Buffer.from(publicKey, 'base64url')[0];

let dir: string;
let hubs: HubsFile;
let lanes: FakeLanes;
let counts: number[];
let lists: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-follow-'));
  hubs = new HubsFile(dir);
  lanes = new FakeLanes();
  counts = [];
  lists = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function follower(hubsMax: number = NODE.hubsMax): HubFollower {
  return new HubFollower({
    ...{ hubs, lanes, devicePublicKey: key(200), nodeId: 'abc', name: 'phone', hubsMax },
    log: pino({ level: 'silent' }),
    random: () => 0.5,
    onHubs: (count) => counts.push(count),
    onList: () => {
      lists++;
    },
  });
}

function list(number: number, named: readonly number[], change: Partial<HubList> = {}): HubList {
  const listed = named.map((at) => ({ name: `hub-${at}`, host: `h${at}`, port: 9000, publicKey: key(at) }));
  return { cluster: 'fleet', number, perDevice: null, hubs: listed, ...change };
}

function hear(by: HubFollower, from: number, heard: HubList, secretKey = OWNER.secretKey): void {
  for (const part of splitHubList(heard.number, signHubList(heard, secretKey))) by.hear(key(from), part);
}

const served = () => hubs.hubs.map(({ publicKey }) => nameOf(publicKey));

describe('a device that was paired by a link of a cluster', () => {
  beforeEach(() => void hubs.pair(link(1, OWNER.publicKey), 'phone'));

  test('dials the hubs of its list, where it is known already, and remembers them', () => {
    const follows = follower();
    expect(follows.listOf(key(1))).toBe(0);
    hear(follows, 1, list(5, [1, 2, 3]));
    expect(lanes.told.sort()).toEqual(['add 2', 'add 3']);
    expect(follows.listOf(key(1))).toBe(5);
    expect([lists, counts]).toEqual([1, [2, 3]]);
    const again = new HubsFile(dir);
    expect(again.hubs).toEqual(hubs.hubs);
    expect(again.hubs[1]).toMatchObject({ nodeId: 'abc', token: null, name: 'phone' });
    expect(again.clusters).toEqual(hubs.clusters);
    expect(again.clusters[0]!.list!.number).toBe(5);
  });

  test('leaves a hub that the list has no more, once another one is reached', () => {
    const follows = follower();
    hear(follows, 1, list(1, [1, 2]));
    lanes.reached.add(key(1));
    hear(follows, 1, list(2, [2]));
    expect(lanes.told).toEqual(['add 2']);
    lanes.reached.add(key(2));
    follows.look();
    follows.look();
    expect(lanes.told).toEqual(['add 2', 'leave 1']);
    expect(served()).toEqual([1, 2]);
    lanes.reached.delete(key(1));
    lanes.leaving.get(key(1))!();
    expect(served()).toEqual([2]);
    expect(new HubsFile(dir).hubs).toHaveLength(1);
  });

  test('takes back a hub that a newer list has again while it is being left', () => {
    const follows = follower();
    hear(follows, 1, list(1, [1, 2]));
    lanes.reached.add(key(1)).add(key(2));
    hear(follows, 1, list(2, [2]));
    hear(follows, 2, list(3, [1, 2]));
    expect(lanes.told).toEqual(['add 2', 'leave 1']);
    lanes.leaving.get(key(1))!();
    expect(lanes.told).toEqual(['add 2', 'leave 1', 'add 1']);
  });

  test('believes no other key, no older number, and no other cluster', () => {
    const follows = follower();
    hear(follows, 1, list(9, [1, 66]), THIEF.secretKey);
    hear(follows, 1, list(3, [1, 2]));
    hear(follows, 1, list(2, [1, 4]));
    hear(follows, 1, list(3, [1, 4]));
    hear(follows, 1, list(9, [1, 4], { cluster: 'another' }));
    expect(lanes.told).toEqual(['add 2']);
    expect(hubs.clusters[0]!.list).toEqual(list(3, [1, 2]));
  });

  test('is not kept from newer lists by parts with a number that their list has not', () => {
    const follows = follower();
    for (const part of splitHubList(1e9, signHubList(list(1, [1, 2]), OWNER.secretKey)))
      follows.hear(key(1), part);
    expect(follows.listOf(key(1))).toBe(1);
    hear(follows, 1, list(2, [1, 3]));
    expect(follows.listOf(key(1))).toBe(2);
  });

  test('takes its time to dial a new hub while it reaches another, and hurries when it reaches none', () => {
    const follows = follower();
    hear(follows, 1, list(1, [1, 2]));
    lanes.reached.add(key(1));
    hear(follows, 1, list(2, [1, 2, 3]));
    expect(lanes.waits).toEqual([0, HUB_LIST.dialSpreadMs / 2]);
  });

  test('moves a hub and dials it anew', () => {
    const follows = follower();
    const moved = [{ name: 'hub-1', host: 'elsewhere', port: 9001, publicKey: key(1) }];
    hear(follows, 1, list(1, [], { hubs: moved }));
    expect(lanes.told).toEqual(['redial 1']);
    expect(hubs.hubs).toMatchObject([{ host: 'elsewhere', port: 9001 }]);
  });

  test('ignores an old link of a hub that was thrown out', () => {
    expect(hubs.isOffList(link(1, OWNER.publicKey))).toBe(false);
    hear(follower(), 1, list(1, [2]));
    expect(hubs.isOffList(link(1, OWNER.publicKey))).toBe(true);
    expect(hubs.isOffList(link(2, OWNER.publicKey))).toBe(false);
    expect(hubs.isOffList(link(1))).toBe(false);
  });

  test('dials as many as its owner lets it, and none with --follow none', () => {
    hear(follower(2), 1, list(1, [1, 2, 3, 4, 5]));
    expect(lanes.told.length).toBeLessThanOrEqual(2);
    const deaf = follower(0);
    expect(deaf.listOf(key(1))).toBeNull();
    hear(deaf, 1, list(2, [1, 9]));
    expect(hubs.clusters[0]!.list!.number).toBe(1);
  });

  test('stops at its bound of hubs', () => {
    for (let at = 100; hubs.hubs.length < NODE.hubsMax - 1; at++) hubs.pair(link(at), 'phone');
    hear(follower(), 1, list(1, [1, 2, 3]));
    expect(hubs.hubs).toHaveLength(NODE.hubsMax);
    expect(lanes.told).toHaveLength(1);
  });

  test('touches no hub of another owner, even one that the list names and drops', () => {
    hubs.pair(link(7), 'phone');
    hubs.pair(link(8, THIEF.publicKey), 'phone');
    const follows = follower();
    lanes.reached.add(key(1)).add(key(7)).add(key(8));
    const named = [1, 7, 8].map((at) => ({ name: `hub-${at}`, host: 'evil', port: 1, publicKey: key(at) }));
    hear(follows, 1, list(1, [], { hubs: named }));
    hear(follows, 1, list(2, [1]));
    expect(lanes.told).toEqual(['redial 1', 'redial 1']);
    expect(hubs.hubs).toMatchObject([{ host: 'h1' }, { host: 'h7' }, { host: 'h8' }]);
  });
});

test('a device that was paired before follows nothing until its owner says so', () => {
  hubs.pair(link(1), 'phone');
  const follows = follower();
  hear(follows, 1, list(1, [1, 2]));
  expect([follows.listOf(key(1)), lanes.told]).toEqual([null, []]);
  hubs.setCluster(key(1), OWNER.publicKey);
  hear(follows, 1, list(1, [1, 2]));
  expect([follows.listOf(key(1)), lanes.told]).toEqual([1, ['add 2']]);
  expect(new HubsFile(dir).hubs[0]!.cluster).toBe(Buffer.from(OWNER.publicKey).toString('base64url'));
});

test('a new link without a cluster leaves what the hub was', () => {
  hubs.pair(link(1, OWNER.publicKey), 'phone');
  const { cluster } = hubs.hubs[0]!;
  hubs.pair(link(1), 'phone');
  expect(hubs.hubs[0]!.cluster).toBe(cluster);
});
