// Every example of examples/, run as its reader would run it, with the real tool, through a real hub and node.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Need, needs, needsPython } from '../require.ts';
import { type Hub, pairNode, startHub } from '../system/harness.ts';
import { Origin } from '../system/origin.ts';
import { run } from '../system/programs.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
const FILES = readdirSync(EXAMPLES).filter((name) => name !== 'README.md');
/** What stands in every page, whatever a browser makes of the rest. */
const SENTENCE = 'a page of the origin';

let hub: Hub;
const origin = new Origin();

beforeAll(async () => {
  await origin.start();
  hub = await startHub();
  await pairNode(hub);
});
afterAll(() => origin.stop());

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

for (const file of FILES) {
  const { command, need } = commandOf(file);
  const { skip, why } = need;
  test.skipIf(skip)(`${file} ${why}`, async () => {
    const { code, stdout, stderr } = await run('env', [
      `RESTUNNEL_HTTP=${hub.ready.http}`,
      `RESTUNNEL_SOCKS=${hub.ready.socks}`,
      ...command,
      origin.url('/page'),
    ]);
    expect(code, stderr).toBe(0);
    const pages = stdout.toString().split(SENTENCE).length - 1;
    // curl fetches it once over each proxy.
    expect(pages).toBe(file === 'curl.sh' ? 2 : 1);
  });
}

test('examples/README.md names every example', () => {
  const text = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  for (const file of FILES) expect(text).toContain(`(${file})`);
});
