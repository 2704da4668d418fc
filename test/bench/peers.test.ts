// The other programs of the bench carry the same bytes: bulk, requests and new connections through each.

import { describe, expect, test } from 'vitest';
import { PEERS } from '../../bench/peers/all.ts';
import { OTHER_TUNNELS, PEER_NAMES, type PeerName } from '../../bench/peers/peer.ts';
import { bulk } from '../../bench/scenarios/bulk.ts';
import { churn } from '../../bench/scenarios/churn.ts';
import { longPath } from '../../bench/scenarios/longPath.ts';
import { pingPong } from '../../bench/scenarios/pingPong.ts';
import { slowLink } from '../../bench/scenarios/slowLink.ts';
import { epollAvailable } from '../../src/reactor/create.ts';
import { needs } from '../require.ts';
import { networksMissing } from '../system/networks.ts';
import { runTiny, unmeasured } from './runTiny.ts';

const ALL_OTHERS = PEER_NAMES.filter((name) => name !== 'restunnel');
/** Their programs are nobody's but who measures them. */
const OTHERS = ALL_OTHERS.filter(
  (name) => process.env.RESTUNNEL_BENCH_PEERS !== undefined || !OTHER_TUNNELS.some((other) => other === name),
);

describe.skipIf(!epollAvailable())('peers', () => {
  for (const name of OTHERS) {
    const { skip, why } = needs(...PEERS[name].programs);
    // sshd lets its own user in only, and writes below /run.
    const unfit = name === 'ssh' && process.getuid?.() !== 0;
    // No proxy, no roles: hub and node are not measured. microsocks is one process.
    const roleless = name === 'direct' || name === 'microsocks' ? rolesOf : () => [];

    test.skipIf(skip || unfit)(`${name} ${why}`, async () => {
      const [down, up] = await runTiny(bulk, [name], { streams: '3', bytes: '2M' });
      const [requests] = await runTiny(pingPong, [name], { streams: '4', requests: '200' });
      const [connections] = await runTiny(churn, [name], { 'at-once': '4', connections: '50' });
      for (const result of [down!, up!, requests!, connections!]) {
        expect(unmeasured(result, roleless(result.metrics))).toEqual([]);
      }
    });
  }

  for (const name of ['ssh', 'shadowsocks'] satisfies PeerName[]) {
    const { skip, why } = needs(...PEERS[name].programs);
    const unfit = name === 'ssh' && process.getuid?.() !== 0;

    test.skipIf(skip || unfit)(`${name} over the long path ${why}`, async () => {
      const [result] = await runTiny(longPath, [name], { 'round-trip': '20', bytes: '500k', settle: '1' });
      expect(unmeasured(result!, ['steadyPercent'])).toEqual([]);
    });
  }

  const missing = networksMissing();
  for (const name of ['direct', 'ssh', 'shadowsocks'] satisfies PeerName[]) {
    const { skip, why } = needs(...PEERS[name].programs);

    test.skipIf(skip || missing !== '')(`${name} over the slow link ${why} ${missing}`, async () => {
      const settings = { direction: 'down', transfers: '1', settle: '1', measure: '1', requests: '20' };
      const [result] = await runTiny(slowLink, [name], { ...settings, rates: '20M' });
      expect(unmeasured(result!)).toEqual([]);
    });
  }
});

function rolesOf(metrics: readonly { readonly key: string }[]): string[] {
  return metrics.map(({ key }) => key).filter((key) => key.startsWith('hub') || key.startsWith('node'));
}
