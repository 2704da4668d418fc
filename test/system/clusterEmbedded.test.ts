// Hubs of a cluster inside a program of somebody else's.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCluster } from '../../src/hub/cluster/ownersCluster.ts';
import { type Hub, startHub, UserError } from '../../src/index.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { eventually, makeTempDir } from './harness.ts';

const need = needs('nats-server');
const ANY = '127.0.0.1:0';

describe.skipIf(need.skip)(`hubs of a cluster in a program ${need.why}`, () => {
  let nats: Nats;
  beforeAll(async () => {
    nats = await Nats.start(1);
  });
  afterAll(() => nats.stop());

  const start = (servers: readonly string[], staleMs?: number): Promise<Hub> =>
    startHub({
      dataDir: makeTempDir(),
      ...{ tunnel: ANY, socks: ANY, http: ANY, dashboard: ANY, workers: 0, publicHost: '127.0.0.1' },
      cluster: { servers, name: 'home', ...(staleMs === undefined ? {} : { staleMs }) },
    });

  test('share users, and say where they are', async () => {
    const servers = [nats.servers[0]!.url];
    const options = { servers, name: 'home', credentials: null, ca: null, certificate: null };
    await createCluster(options, 1, new Uint8Array(32).fill(1));
    await using one = await start(servers);
    await using other = await start(servers, 60_000);
    await one.fleet.users.add({ name: 'eve', passwordHash: 'a hash', limits: { streams: 3, tags: null } });
    await eventually(() => {
      expect(other.fleet.users.list()).toMatchObject([{ name: 'eve', limits: { streams: 3 } }]);
    });
  });

  test('and what is wrong about the cluster is said by the name of the field', async () => {
    await expect(start(['http://127.0.0.1'])).rejects.toThrow(
      'cluster.servers: "http://127.0.0.1" is not a server',
    );
    await expect(start([nats.servers[0]!.url], 1)).rejects.toThrow('cluster.staleMs: 1 is not from');
    await expect(start([nats.servers[0]!.url], 1)).rejects.toBeInstanceOf(UserError);
  });
});
