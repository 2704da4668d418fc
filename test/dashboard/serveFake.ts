// The whole dashboard over a fleet that is not there, to look at its pages: node test/dashboard/serveFake.ts [--port N] [--nodes N]
// [--password TEXT] [--show-targets]. A pairing link is used by a device after eight seconds. Tests start it with serveFake().

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LazyApi } from '../../src/api/lazyApi.ts';
import { type Dashboard, type DashboardOptions, serveDashboard } from '../../src/dashboard/server.ts';
import { FakeFleet, type FakeFleetOptions } from '../api/fakeFleet.ts';

export interface FakeDashboard {
  readonly fleet: FakeFleet;
  readonly dashboard: Dashboard;
  readonly url: string;
  readonly dataDir: string;
  close(): Promise<void>;
}

export interface FakeDashboardOptions extends Partial<DashboardOptions> {
  readonly onFault?: (error: unknown) => void;
  readonly heartbeatMs?: number;
  /** The Android app that it hands out. */
  readonly apk?: string;
}

/** Of the fleet, and of its dashboard. */
export type FakeOptions = [fleet?: FakeFleetOptions, dashboard?: FakeDashboardOptions];

/** On a free port of 127.0.0.1 by default; nothing ticks by itself. */
export async function serveFake(
  fleetOptions: FakeFleetOptions = {},
  { onFault = console.error, heartbeatMs, apk, ...options }: FakeDashboardOptions = {},
): Promise<FakeDashboard> {
  const fleet = new FakeFleet(fleetOptions);
  const dataDir = mkdtempSync(join(tmpdir(), 'restunnel-dashboard-'));
  const dashboard = await serveDashboard({
    bind: { host: '127.0.0.1', port: 0 },
    api: new LazyApi({
      fleet,
      ownUser: { name: 'x', password: '' },
      onFault,
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      ...(apk === undefined ? {} : { apk }),
    }),
    dataDir,
    ...options,
  });
  fleet.addresses = { ...fleet.addresses, dashboard: dashboard.address };
  return {
    fleet,
    dashboard,
    url: `http://${dashboard.address}`,
    dataDir,
    async close() {
      await dashboard.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8080' },
      nodes: { type: 'string', default: '3' },
      password: { type: 'string' },
      'show-targets': { type: 'boolean', default: false },
    },
  });
  const { fleet, url, close } = await serveFake(
    { nodes: Number(values.nodes), pairsAfterMs: 8_000, showTargets: values['show-targets'] },
    {
      bind: { host: '127.0.0.1', port: Number(values.port) },
      password: values.password ?? null,
    },
  );
  setInterval(() => fleet.tick(), 1_000);
  process.stdout.write(`${url}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void close().then(() => process.exit(0)));
  }
}
