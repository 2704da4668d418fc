// What a real NATS server asks for, and what a hub or its owner hears who does not have it: one sentence each.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterOptions } from '../../src/hub/cluster/clusterOptions.ts';
import { connectNats } from '../../src/hub/cluster/natsConnection.ts';
import { clusterStatus, createCluster } from '../../src/hub/cluster/ownersCluster.ts';
import { needs } from '../require.ts';
import { makeTempDir } from '../system/harness.ts';
import { type Certificates, makeCertificates, makeNkey, NatsOperator, tlsBlock } from './natsSecrets.ts';
import { Nats } from './natsServers.ts';

const need = needs('nats-server', 'openssl');

const REFUSED = 'the cluster cannot be reached (its servers refuse these credentials)';
const ASKED = 'the cluster cannot be reached (its servers ask for credentials: give --cluster-credentials)';
const UNKNOWN_SIGNER =
  'the cluster cannot be reached (no authority that is known here signs its certificate: name yours with --cluster-ca)';
const OTHER_NAME =
  'the cluster cannot be reached (its certificate is for other names than the one in --cluster)';
const WANTS_TLS =
  'the cluster cannot be reached (its servers demand TLS: name them as tls://HOST:PORT, and their CA with --cluster-ca)';
const NO_TLS =
  'the cluster cannot be reached (its servers do not offer TLS: name them as nats://HOST:PORT, without certificates)';
const NOT_THIS_CLIENT =
  'the cluster cannot be reached (its servers do not accept this client by TLS: see --cluster-certificate)';

const FEW_RIGHTS =
  'the cluster cannot be reached (its servers do not let these credentials publish to $JS.API.INFO)';

type Way = Partial<ClusterOptions> & { readonly scheme?: 'tls' | 'nats'; readonly host?: string };

describe.skipIf(need.skip)(`what NATS servers ask for ${need.why}`, () => {
  const folder = makeTempDir();
  const nkey = makeNkey();
  const operator = new NatsOperator();
  let good: Certificates;
  let bad: Certificates;

  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const password = file('password', 'eve:secret\n');
  const wrongPassword = file('wrong', 'eve:other');
  const token = file('token', 's3cr3t\n');
  const creds = file('good.creds', operator.credentials(3_600));
  const windowsCreds = file('windows.creds', operator.credentials(3_600).replaceAll('\n', '\r\n').trim());
  const expiredCreds = file('expired.creds', operator.credentials(-60));
  const othersCreds = file('others.creds', new NatsOperator().credentials(3_600));
  const seed = file('seed', nkey.seed);
  const othersSeed = file('others', makeNkey().seed);

  beforeAll(() => {
    good = makeCertificates(folder, 'good');
    bad = makeCertificates(folder, 'bad');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What the owner hears; "in" when the cluster can be made and looked at. */
  const tried = async (nats: Nats, way: Way): Promise<string> => {
    const { scheme = 'nats', host = '127.0.0.1', ...more } = way;
    const servers = [`${scheme}://${host}:${nats.servers[0]!.port}`];
    const none = { credentials: null, ca: null, certificate: null };
    const options = { servers, name: 'home', ...none, ...more };
    try {
      await createCluster(options, 1, new Uint8Array(32));
      return (await clusterStatus(options)).list === 1 ? 'in' : 'odd';
    } catch (error) {
      return (error as Error).message;
    }
  };

  const withServer = async (more: string, ways: () => readonly (readonly [Way, string])[]): Promise<void> => {
    const nats = await Nats.start(1, { more });
    try {
      for (const [way, heard] of ways()) expect([way, await tried(nats, way)]).toEqual([way, heard]);
    } finally {
      await nats.stop();
    }
  };

  test('nothing, and no TLS', () =>
    withServer('', () => [
      [{}, 'in'],
      [{ scheme: 'tls' }, NO_TLS],
      [{ ca: good.ca }, NO_TLS],
    ]));

  test('a name and a password', () =>
    withServer('authorization { user: eve, password: secret }', () => [
      [{ credentials: password }, 'in'],
      [{ credentials: wrongPassword }, REFUSED],
      [{ credentials: token }, REFUSED],
      [{ credentials: creds }, REFUSED],
      [{}, ASKED],
    ]));

  test('a token', () =>
    withServer('authorization { token: s3cr3t }', () => [
      [{ credentials: token }, 'in'],
      [{ credentials: password }, REFUSED],
      [{}, ASKED],
    ]));

  test('an nkey', () =>
    withServer(`authorization { users: [ { nkey: ${nkey.publicKey} } ] }`, () => [
      [{ credentials: seed }, 'in'],
      [{ credentials: othersSeed }, REFUSED],
      [{}, ASKED],
    ]));

  test('credentials that an operator has signed', () =>
    withServer(operator.config, () => [
      [{ credentials: creds }, 'in'],
      [{ credentials: windowsCreds }, 'in'],
      [{ credentials: othersCreds }, REFUSED],
      [
        { credentials: expiredCreds },
        expect.stringMatching(/refuse these credentials, which expired on 20\S+Z\)$/),
      ],
      [{}, ASKED],
    ]));

  test("TLS: the server's certificate is checked, by an address and by a name", () =>
    withServer(tlsBlock(good), () => [
      [{ scheme: 'tls', ca: good.ca }, 'in'],
      [{ ca: good.ca }, 'in'],
      [{ scheme: 'tls', ca: bad.ca }, UNKNOWN_SIGNER],
      [{ scheme: 'tls' }, UNKNOWN_SIGNER],
      [{ scheme: 'tls', ca: good.ca, host: 'localhost' }, OTHER_NAME],
      [{}, WANTS_TLS],
    ]));

  test('TLS with certificates on both sides', () =>
    withServer(tlsBlock(good, true), () => [
      [{ scheme: 'tls', ca: good.ca, certificate: good.client }, 'in'],
      [{ scheme: 'tls', ca: good.ca, certificate: bad.client }, NOT_THIS_CLIENT],
      [{ scheme: 'tls', ca: good.ca }, NOT_THIS_CLIENT],
    ]));

  test('rights that are too few', () =>
    withServer(
      'authorization { users: [ { user: eve, password: secret, permissions: { publish: "x" } } ] }',
      () => [[{ credentials: password }, FEW_RIGHTS]],
    ));

  test('files that hold something else', async () => {
    const options = {
      servers: ['tls://127.0.0.1:1'],
      name: 'home',
      credentials: null,
      ca: null,
      certificate: null,
    };
    const heard = (more: Partial<ClusterOptions>) =>
      connectNats({ ...options, ...more }, 'test').then(
        () => 'in',
        (error: Error) => error.message,
      );
    expect(await heard({ credentials: good.key })).toContain('holds neither NATS credentials nor');
    expect(await heard({ credentials: file('empty', '\n') })).toContain('holds neither NATS credentials nor');
    expect(await heard({ credentials: file('cut.creds', operator.credentials(60).slice(0, 300)) })).toContain(
      'holds neither NATS credentials nor',
    );
    expect(await heard({ credentials: join(folder, 'none') })).toContain('cannot read');
    expect(await heard({ ca: password })).toContain('holds no certificate (PEM)');
    expect(await heard({ certificate: good.certificate })).toContain(
      'does not hold a certificate and its key',
    );
    expect(await heard({})).toBe('the cluster cannot be reached (none of its servers takes connections)');
  });
});
