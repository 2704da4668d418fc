// What a process loads before anybody asks it something: a hub at rest holds no library of the API, and a command that asks a running hub
// needs none of its schemas.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Packages that a process has loaded once it has run `script`. */
async function packagesOf(script: string): Promise<string[]> {
  const source = `
    import { registerHooks } from 'node:module';
    const names = new Set();
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url)?.[1];
        if (name !== undefined) names.add(name);
        return next(url, context);
      },
    });
    ${script}
    process.stdout.write(JSON.stringify([...names]));
    process.exit();
  `;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', source];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as string[];
}

const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

const OF_THE_API = ['hono', '@hono/node-server', '@hono/zod-openapi', 'prom-client'];

test('a hub without requests of its owner does without the libraries of the API', async () => {
  const atRest = await packagesOf(`await import(${source('boot/wholeHub.ts')});`);
  expect(atRest).toContain('sodium-native');
  expect(
    [...OF_THE_API, '@napi-rs/keyring', '@nats-io/transport-node', '@nats-io/kv'].filter((name) =>
      atRest.includes(name),
    ),
  ).toEqual([]);
  const asked = await packagesOf(`
    const { LazyApi } = await import(${source('api/lazyApi.ts')});
    await new LazyApi({ fleet: { watch() {} }, ownUser: { name: '', password: '' }, onFault() {} }).app();
  `);
  expect(asked).toEqual(expect.arrayContaining(['hono', '@hono/zod-openapi']));
});

test('the client of a running hub needs no schemas', async () => {
  const asking = await packagesOf(`await import(${source('boot/ownerClient.ts')});`);
  expect([...OF_THE_API, 'zod'].filter((name) => asking.includes(name))).toEqual(['hono']);
});
