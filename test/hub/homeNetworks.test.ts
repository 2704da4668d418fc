// Where devices come from survives a restart, within bounds.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HomeNetworks } from '../../src/hub/fleet/homeNetworks.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { Store } from '../../src/hub/store/store.ts';
import { NETWORKS } from '../../src/limits/owner.ts';

const DAY_MS = 86_400_000;
const NOW = 1_800_000_000_000;

let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-networks-'));
  store = new Store(dir);
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(): HomeNetworks {
  return new HomeNetworks(new DirectStore(store), store.networks.all());
}

test('networks, not addresses, are there after a restart, the one seen longest ago first', async () => {
  const before = open();
  before.proved('198.51.100.7', NOW);
  before.proved('2001:db8:1:2::3', NOW + 1);
  before.proved('198.51.100.99', NOW + 2);
  await before.save(NOW + 2);
  store.close();
  store = new Store(dir);
  expect(open().all()).toEqual(['198.51.100.0/24', '2001:db8:1::/48']);
});

test('a network is forgotten when no device comes from it for long', async () => {
  const networks = open();
  networks.proved('198.51.100.7', NOW);
  networks.proved('203.0.113.9', NOW);
  await networks.save(NOW);
  for (let atMs = NOW; atMs < NOW + NETWORKS.keptMs + 5 * DAY_MS; atMs += DAY_MS / 2) {
    networks.proved('203.0.113.77', atMs);
    await networks.save(atMs);
  }
  expect(open().all()).toEqual(['203.0.113.0/24']);
});

test('a device that comes again and again costs no write', async () => {
  const networks = open();
  const changes = () => Number(store.database.prepare('SELECT total_changes() AS n').get()!.n);
  networks.proved('198.51.100.7', NOW);
  await networks.save(NOW);
  const written = changes();
  for (let n = 0; n < 100; n++) {
    networks.proved('198.51.100.7', NOW + n);
    await networks.save(NOW + n);
  }
  expect(changes()).toBe(written);
});

test('the table has a bound: the networks seen longest ago go', async () => {
  const table = store.networks;
  const networks = Array.from({ length: 10 }, (_, n) => ({
    network: `192.0.${n}.0/24`,
    seenAtMs: NOW + ((n * 7) % 10),
  }));
  table.write(networks, NOW, 4);
  expect(table.all().map(({ seenAtMs }) => seenAtMs - NOW)).toEqual([6, 7, 8, 9]);
});

test('networks that the store does not take wait for the next time', async () => {
  const networks = open();
  networks.proved('198.51.100.7', NOW);
  store.database.exec('PRAGMA query_only = ON');
  await expect(networks.save(NOW)).rejects.toThrow();
  store.database.exec('PRAGMA query_only = OFF');
  await networks.save(NOW);
  expect(open().all()).toEqual(['198.51.100.0/24']);
});
