// A hub and its owner's commands at NATS servers that demand TLS from both sides and an operator's credentials.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { answerOf } from '../../src/boot/ownerClient.ts';
import { runBin } from '../cli/runBin.ts';
import { type Certificates, makeCertificates, NatsOperator, tlsBlock } from '../cluster/natsSecrets.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { endAll, eventually, makeTempDir, startHub } from './harness.ts';
import { makePairing, ownerOf } from './ownerOf.ts';

const need = needs('nats-server', 'openssl');

describe.skipIf(need.skip)(`a cluster behind TLS and credentials ${need.why}`, () => {
  const folder = makeTempDir();
  const operator = new NatsOperator();
  const credentials = join(folder, 'hub.creds');
  let certificates: Certificates;
  let nats: Nats;
  let flags: string[];

  const keep = (text: string) => writeFileSync(credentials, text, { mode: 0o600 });
  const owner = (...args: string[]) => runBin(['cluster', ...args, ...flags], makeTempDir());

  beforeAll(async () => {
    certificates = makeCertificates(folder, 'test');
    nats = await Nats.start(1, { more: `${tlsBlock(certificates, true)}\n${operator.config}` });
    const { ca, client } = certificates;
    flags = ['--cluster', nats.urls.replaceAll('nats:', 'tls:'), '--cluster-name', 'home'];
    flags.push('--cluster-credentials', credentials, '--cluster-ca', ca, '--cluster-certificate', client);
  });
  afterEach(endAll);
  afterAll(async () => {
    await nats.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the owner makes the cluster, a hub joins it, and what is refused is refused in one sentence', async () => {
    keep(operator.credentials(3_600));
    const key = join(folder, 'home.key');
    expect(await owner('create', 'home', '--key', key)).toMatchObject({ code: 0, stderr: '' });
    const hub = await startHub({ args: flags });
    const { link } = await makePairing(hub, 'phone', 600_000);
    await new LightNode(link, hub.ready.tunnel, 'phone').connect();
    const status = async () =>
      JSON.parse((await owner('status', '--json')).stdout) as { hubs: { id: string }[] };
    await eventually(async () => expect((await status()).hubs).toHaveLength(1));
    const [{ id }] = (await status()).hubs as [{ id: string }];
    const added = await owner('add', id, '--key', key);
    expect(added).toMatchObject({ code: 0, stderr: expect.stringContaining('--public-host') });

    // Files, whose names the process list may show; what is in them it must not.
    const shown = readFileSync(`/proc/${hub.ready.pid}/cmdline`, 'utf8');
    expect(shown).toContain(credentials);
    expect(shown).not.toContain(/SU[A-Z2-7]{56}/.exec(readFileSync(credentials, 'utf8'))![0]);

    keep(operator.credentials(-60));
    const late = await owner('status');
    expect(late).toMatchObject({ code: 1, stdout: '' });
    expect(late.stderr.trim().split('\n')).toEqual([expect.stringContaining('which expired on 20')]);
    const newcomer = await runBin(['hub', ...flags, '--tunnel', '127.0.0.1:0'], makeTempDir());
    expect(newcomer).toMatchObject({ code: 1 });
    expect(newcomer.stderr).toContain('its servers refuse these credentials, which expired on 20');
    expect(newcomer.stderr).toContain('this hub has never been in it');

    // A member goes on by its copy, says why, and takes the new credentials once the owner has put them there.
    await nats.servers[0]!.stop();
    await nats.servers[0]!.start();
    const events = (contains: string) => answerOf(ownerOf(hub).events.$get({ query: { contains } }));
    await eventually(async () => {
      await expect(makePairing(hub, null, 60_000)).rejects.toThrow('which expired on 20');
    }, 40_000);
    keep(operator.credentials(3_600));
    await eventually(
      async () => expect(await events('in step with the cluster again')).toHaveLength(1),
      40_000,
    );
    await makePairing(hub, null, 60_000);
  });

  test('a secret in the address is refused, and is not repeated', async () => {
    const refused = await runBin(
      ['cluster', 'status', '--cluster', 'nats://eve:s3cr3t@127.0.0.1:4222'],
      makeTempDir(),
    );
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--cluster-credentials');
    expect(refused.stderr).not.toContain('s3cr3t');
  });
});
