// Clients that do not read their downloads, at a hub with little memory for them: they pay for it, and the log says so.

import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { openStream, whoServes } from '../../bench/fleet/ask.ts';
import { HOLD_PATH } from '../../bench/fleet/lightNode.ts';
import { endAll, startHub } from './harness.ts';
import { startFleet } from './lightFleet.ts';

/** Their windows are more than the memory. */
const DOWNLOADS = 80;
const PULSE_BYTES = 65_000;

afterEach(endAll);

test('stalled downloads are reset past --memory, and an open stream of the same tunnel goes on', async () => {
  const hub = await startHub({ args: ['--memory', '16MB'] });
  const [node] = await startFleet(hub, 1);
  const stream = await openStream(hub);
  for (let at = 0; at < DOWNLOADS; at++) {
    const client = await openStream(hub);
    client.write(`GET ${HOLD_PATH} HTTP/1.1\r\n\r\n`);
  }
  let heard = false;
  const line = hub.waitForLog(({ reset }) => typeof reset === 'number' && reset > 0, 60_000);
  void line.finally(() => {
    heard = true;
  });
  while (!heard) {
    node!.pulse(PULSE_BYTES);
    await turn();
  }
  expect(await line).toMatchObject({ level: 40, maxBytes: 16_000_000 });
  expect(await whoServes(stream)).toBe(node!.id);
  expect(hub.faults()).toEqual([]);
}, 90_000);
