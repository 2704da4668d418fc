// A hub and an exit node inside one program, with what an owner sees and does. In a checkout, run it with
// `node --conditions=restunnel-source`; where the package is installed, with plain `node`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHub, startNode } from 'restunnel';
import { fetch, ProxyAgent } from 'undici';

const folder = mkdtempSync(join(tmpdir(), 'restunnel-embed-'));
const any = '127.0.0.1:0';
const hub = await startHub({
  dataDir: join(folder, 'hub'),
  tunnel: any,
  socks: any,
  http: any,
  dashboard: any,
});
hub.on('event', ({ kind, text }) => console.error(`${kind}: ${text}`));

const { link } = await hub.fleet.pair({ name: 'kitchen', ttlMs: 60_000 });
const node = await startNode({
  dataDir: join(folder, 'node'),
  links: [link.replace(/\/\/[^/]+/, `//${hub.addresses.tunnel}`)],
  // Only for this example's target, which may be on this machine.
  allowTargets: ['127.0.0.0/8'],
});
await node.connected;

const dispatcher = new ProxyAgent(`http://${hub.addresses.http}`);
const response = await fetch(process.argv[2], { dispatcher });
process.stdout.write(await response.text());
await dispatcher.close();

console.error(
  hub.fleet
    .nodes()
    .map(({ name, state }) => `${name} is ${state}`)
    .join(', '),
);
await node.stop();
await hub.stop();
rmSync(folder, { recursive: true });
