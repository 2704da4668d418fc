// install.sh against a release on a loopback server: what it puts in place, and what it says when something is wrong.

import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { installScript, releaseAddress, signatureOf } from '../../scripts/binaries/signature.ts';
import { needs } from '../require.ts';
import { makeTempDir } from '../system/harness.ts';
import { run } from '../system/programs.ts';

const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
const KEY = newKey();
const FILE = `restunnel-linux-${process.arch}`;
const PROGRAM = '#!/bin/sh\necho 7.8.9\n';

/** What the server has, by name. */
let release: Map<string, string | Buffer>;
let server: Server;
let folder: string;
let to: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const content = release.get((request.url ?? '').slice(1));
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

beforeEach(() => {
  folder = makeTempDir();
  to = join(folder, 'bin');
  release = new Map();
  publish(PROGRAM, KEY);
});

function publish(program: string, key: string, file = FILE): void {
  const sums = `${createHash('sha256').update(program).digest('hex')}  ${file}\n`;
  release.set(file, program);
  release.set('SHA256SUMS', sums);
  release.set('SHA256SUMS.sig', signatureOf(Buffer.from(sums), key));
}

/** Runs it as a user does who pipes it into sh. */
async function install(environment: Record<string, string> = {}) {
  const script = join(folder, 'install.sh');
  writeFileSync(script, installScript(KEY, `http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  const given = {
    PATH: process.env.PATH,
    HOME: folder,
    TMPDIR: folder,
    RESTUNNEL_TO: to,
    no_proxy: '*',
    ...environment,
  };
  const words = Object.entries(given).map(([name, value]) => `${name}=${value}`);
  const { code, stdout, stderr } = await run('env', ['-i', ...words, '/bin/sh', script]);
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Another system, as far as its programs tell. */
function faked(path: { PATH: string }, programs: Record<string, string>): { PATH: string } {
  for (const [name, body] of Object.entries(programs)) {
    rmSync(join(path.PATH, name), { force: true });
    writeFileSync(join(path.PATH, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
  return path;
}

const SHASUM = '[ "$1 $2" = "-a 256" ] && exec /usr/bin/sha256sum "$3"';
const uname = (system: string, processor: string) =>
  `case $1 in -s) echo ${system} ;; -m) echo ${processor} ;; esac`;

/** A PATH with these programs alone. */
function only(...programs: string[]): { PATH: string } {
  const path = join(folder, `path-${programs.length}`);
  mkdirSync(path);
  for (const program of programs) {
    const found = (process.env.PATH ?? '').split(':').find((place) => existsSync(join(place, program)));
    symlinkSync(join(found ?? '/usr/bin', program), join(path, program));
  }
  return { PATH: path };
}

type Spoilt = Record<string, string> | undefined;
const BASE = ['uname', 'id', 'mktemp', 'rm', 'tail', 'sed', 'cut', 'mkdir', 'cp', 'chmod', 'mv'];

const { skip, why } = needs('curl', 'wget', 'openssl');
describe.skipIf(process.platform !== 'linux' || skip)(`on Linux${why}`, () => {
  test.each(['curl', 'wget'])('puts the program in place, with %s', async (downloader) => {
    const found = await install(only(...BASE, 'sha256sum', 'openssl', downloader));
    expect(found.stderr).toBe('');
    expect(found.stdout.split('\n')[0]).toBe(`restunnel 7.8.9 is in ${join(to, 'restunnel')}`);
    expect(found.stdout).toContain(`${to} is not in your PATH`);
    expect(readFileSync(join(to, 'restunnel'), 'utf8')).toBe(PROGRAM);
    expect(statSync(join(to, 'restunnel')).mode & 0o777).toBe(0o755);
    expect(readdirSync(to)).toEqual(['restunnel']);
  });

  test('puts a newer one in the place of the old, which is left alone when something fails', async () => {
    expect((await install()).code).toBe(0);
    publish(`${PROGRAM}# newer\n`, KEY);
    expect((await install()).code).toBe(0);
    expect(readFileSync(join(to, 'restunnel'), 'utf8')).toContain('# newer');
    publish('#!/bin/sh\necho no >&2; exit 1\n', KEY);
    expect((await install()).stderr).toMatch(
      /^restunnel is not installed: it does not run on this machine \(no\)\n$/,
    );
    expect(readdirSync(to)).toEqual(['restunnel']);
    expect(readFileSync(join(to, 'restunnel'), 'utf8')).toContain('# newer');
  });

  test.skipIf(needs('busybox').skip)('BusyBox has a wget with fewer options', async () => {
    const real = only(...BASE, 'sha256sum', 'openssl', 'wget', 'busybox');
    faked(real, { wget: 'exec busybox wget "$@"' });
    expect(await install(real)).toMatchObject({ code: 0, stderr: '' });
    release.delete(FILE);
    expect((await install(real)).stderr).toMatch(/cannot fetch .* \(wget: server returned error: .*404/);
  });

  test('wget says why it cannot fetch', async () => {
    release.delete(FILE);
    const { stderr } = await install(only(...BASE, 'sha256sum', 'openssl', 'wget'));
    expect(stderr).toMatch(new RegExp(`cannot fetch .*${FILE} \\(.*404`));
  });

  test.each(['arm64', 'x86_64'])(
    'Apple silicon gets its own file, signed there where its signature will not do, also where a shell says %s',
    async (processor) => {
      publish(PROGRAM, KEY, 'restunnel-darwin-arm64');
      const mac = faked(only(...BASE, 'openssl', 'curl'), {
        uname: uname('Darwin', processor),
        shasum: SHASUM,
        sysctl: '[ "$*" = "-n hw.optional.arm64" ] && echo 1',
        codesign: `for last; do :; done; [ "$1 $2 $3" = "--sign - --force" ] && echo '# signed' >>"$last"`,
      });
      const { code, stdout, stderr } = await install(mac);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('restunnel 7.8.9 is in ');
      expect(readFileSync(join(to, 'restunnel'), 'utf8')).toBe(`${PROGRAM}# signed\n`);
    },
  );

  test('a Mac keeps the signature of the file', async () => {
    publish(PROGRAM, KEY, 'restunnel-darwin-arm64');
    const mac = faked(only(...BASE, 'openssl', 'curl'), {
      uname: uname('Darwin', 'arm64'),
      shasum: SHASUM,
      codesign: '[ "$1" = --verify ]',
    });
    expect((await install(mac)).code).toBe(0);
    expect(readFileSync(join(to, 'restunnel'), 'utf8')).toBe(PROGRAM);
  });

  test('a Mac that cannot sign it gets nothing', async () => {
    publish(PROGRAM, KEY, 'restunnel-darwin-arm64');
    const mac = faked(only(...BASE, 'openssl', 'curl'), {
      uname: uname('Darwin', 'arm64'),
      shasum: SHASUM,
      codesign: 'echo "no identity found" >&2; exit 1',
    });
    expect((await install(mac)).stderr).toBe(
      'restunnel is not installed: codesign cannot sign it (no identity found)\n',
    );
    expect(existsSync(to)).toBe(false);
  });

  test.each([
    ['Darwin', 'x86_64'],
    ['FreeBSD', 'amd64'],
    ['Linux', 'armv7l'],
  ])('%s on %s has no file', async (system, processor) => {
    const other = faked(only(...BASE, 'sha256sum', 'openssl', 'curl'), { uname: uname(system, processor) });
    expect(await install(other)).toMatchObject({
      code: 1,
      stderr: `restunnel is not installed: there is no file for ${system} on ${processor}; with Node 24 or newer, it runs there from a checkout\n`,
    });
  });

  test('without HOME it asks where', async () => {
    const user = faked(only(...BASE, 'sha256sum', 'openssl', 'curl'), { id: 'echo 1000' });
    expect((await install({ ...user, HOME: '', RESTUNNEL_TO: '' })).stderr).toMatch(
      /HOME is not set; set RESTUNNEL_TO/,
    );
  });

  test.each<[string, () => Spoilt, RegExp]>([
    [
      'another key signed the checksums',
      () => void publish(PROGRAM, newKey()),
      /not signed by Restunnel's key/,
    ],
    [
      'the checksums are other ones',
      () => void release.set('SHA256SUMS', 'x'),
      /not signed by Restunnel's key/,
    ],
    [
      'the file is another one',
      () => void release.set(FILE, `${PROGRAM}# bad`),
      /not the file that was released/,
    ],
    ['there is no signature', () => void release.delete('SHA256SUMS.sig'), /cannot fetch .*SHA256SUMS\.sig/],
    ['there is no file', () => void release.delete(FILE), new RegExp(`cannot fetch .*${FILE}`)],
    [
      'nobody listens',
      () => ({ RESTUNNEL_RELEASES: 'http://127.0.0.1:1' }),
      /cannot fetch http:\/\/127\.0\.0\.1:1\//,
    ],
    ['there is no openssl', () => only(...BASE, 'sha256sum', 'curl'), /needs openssl/],
    ['there is no way to download', () => only(...BASE, 'sha256sum', 'openssl'), /needs curl or wget/],
    ['the place is a file', () => ({ RESTUNNEL_TO: '/dev/null' }), /cannot (make|write into) \/dev\/null/],
  ])('installs nothing and says why when %s', async (_, spoil, sentence) => {
    const { code, stdout, stderr } = await install(spoil() ?? {});
    expect(stderr).toMatch(/^restunnel is not installed: [^\n]*\n$/);
    expect(stderr).toMatch(sentence);
    expect({ code, stdout, installed: existsSync(to) && readdirSync(to).length > 0 }).toEqual({
      code: 1,
      stdout: '',
      installed: false,
    });
  });
});

test('no release is made for the placeholder of package.json', () => {
  expect(() => releaseAddress()).toThrow("is no server's address");
});
