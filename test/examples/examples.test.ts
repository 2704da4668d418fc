// Every example of examples/, run as its reader would run it, with the real tool, through a hub with four nodes: the session that its
// user name asks for has to bring it to the same one as all the others.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LightNode } from '../../bench/fleet/lightNode.ts';
import { type Need, needs, needsPython } from '../require.ts';
import { type Hub, startHub } from '../system/harness.ts';
import { startFleet } from '../system/lightFleet.ts';
import { Origin, PAGE } from '../system/origin.ts';
import { run } from '../system/programs.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
const FILES = readdirSync(EXAMPLES).filter((name) => name !== 'README.md');
/** Runs a hub and a node of its own, so it is given a real page. */
const OWN_HUB = 'embed.mjs';
/** One session for each of Crawlee's. */
const OWN_SESSIONS = 'crawlee.mjs';

let hub: Hub;
let nodes: LightNode[];
const origin = new Origin();

beforeAll(async () => {
  await origin.start();
  // Browsers say their user name only when they are asked for it.
  hub = await startHub({ args: ['--ask-user'] });
  nodes = await startFleet(hub, 4);
});
afterAll(async () => {
  for (const node of nodes) node.vanish();
  await origin.stop();
});

/** How a file is run, and what it needs of the system. */
function commandOf(file: string): { command: string[]; need: Need } {
  const path = join(EXAMPLES, file);
  if (file.endsWith('.mjs')) {
    const browses = /playwright|puppeteer/.test(file);
    // Only embed.mjs imports this project, here from its source.
    const command = [process.execPath, '--conditions=restunnel-source', path];
    return { command, need: needs(...(browses ? ['chromium'] : [])) };
  }
  if (file.endsWith('.py')) {
    const modules = file.startsWith('scrapy') ? ['scrapy'] : ['requests', 'socks'];
    return { command: ['/usr/bin/python3', path], need: needsPython(...modules) };
  }
  return { command: ['sh', path], need: needs(file.replace('.sh', '')) };
}

/** All of the others name the same session: whoever served the first serves them all. */
let sessionNode: string | undefined;

for (const file of FILES) {
  const { command, need } = commandOf(file);
  const { skip, why } = need;
  test.skipIf(skip)(`${file} ${why}`, async () => {
    const url = file === OWN_HUB ? origin.url('/page') : 'http://any.example/page';
    const ports = [`RESTUNNEL_HTTP=${hub.ready.http}`, `RESTUNNEL_SOCKS=${hub.ready.socks}`];
    const { code, stdout, stderr } = await run('env', [...ports, ...command, url]);
    expect(code, stderr).toBe(0);
    const said = stdout.toString();
    if (file === OWN_HUB) {
      expect(said).toContain(PAGE.trim());
      return;
    }
    const served = nodes.filter(({ id }) => said.includes(id)).map(({ id }) => id);
    expect(served, said).toHaveLength(1);
    if (file === OWN_SESSIONS) return;
    sessionNode ??= served[0];
    expect(served[0], 'the node of the session').toBe(sessionNode);
    // curl fetches it once over each proxy.
    expect(said.split(served[0]!)).toHaveLength(file === 'curl.sh' ? 3 : 2);
  });
}

test('examples/README.md names every example', () => {
  const text = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  for (const file of FILES) expect(text).toContain(`(${file})`);
});
