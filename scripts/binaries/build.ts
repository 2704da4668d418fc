// `npm run build:binaries [PLATFORM…]`: one file for each platform, .deb packages, an SBOM and SHA256SUMS, in build/. Runs on Linux x64.
// With RESTUNNEL_SIGNING_KEY=FILE also SHA256SUMS.sig and install.sh, for `releases` of package.json or RESTUNNEL_RELEASES.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { makeDebianPackage } from './debianPackage.ts';
import { ROOT } from './npmPackages.ts';
import { makeOneFile } from './oneFile.ts';
import { PLATFORMS } from './platforms.ts';
import { makeSbom } from './sbom.ts';
import { installScript, signatureOf } from './signature.ts';

const OUT = join(ROOT, 'build');
const WORK = join(OUT, '.work');
const SUMS = 'SHA256SUMS';

const wanted = process.argv.slice(2);
const known = PLATFORMS.map(({ name }) => name);
const strange = wanted.filter((name) => !known.includes(name));
if (strange.length > 0) {
  console.error(`no such platform: ${strange.join(', ')}; there are ${known.join(', ')}`);
  process.exit(2);
}

const keyFile = process.env.RESTUNNEL_SIGNING_KEY;
const signingKey = keyFile === undefined ? null : readFileSync(keyFile, 'utf8');
// Before anything is built: it may have no address or no good key.
const installer = signingKey === null ? null : madeInstaller(signingKey);

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
rmSync(OUT, { recursive: true, force: true });
mkdirSync(WORK, { recursive: true });
try {
  for (const platform of PLATFORMS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const app = join(WORK, 'app');
    const file = join(OUT, `restunnel-${platform.name}${platform.suffix}`);
    await bundle(platform, app);
    await makeOneFile(platform, app, join(WORK, 'sea'), file);
    console.log(file);
    if (platform.debian !== null && hasProgram('dpkg-deb')) {
      const deb = join(OUT, `restunnel_${version}_${platform.debian}.deb`);
      makeDebianPackage(file, platform.debian, join(WORK, 'deb'), deb, commitSeconds());
      console.log(deb);
    }
  }
  writeFileSync(join(OUT, 'restunnel.cdx.json'), makeSbom());
  if (installer !== null) writeFileSync(join(OUT, 'install.sh'), installer, { mode: 0o755 });
  writeSums();
  if (signingKey !== null)
    writeFileSync(join(OUT, `${SUMS}.sig`), signatureOf(readFileSync(join(OUT, SUMS)), signingKey));
} finally {
  rmSync(WORK, { recursive: true, force: true });
}

function madeInstaller(key: string): string {
  try {
    return installScript(key);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

/** As `sha256sum --check` reads it. */
function writeSums(): void {
  const files = readdirSync(OUT, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== SUMS)
    .map(({ name }) => name)
    .sort();
  const lines = files.map((name) => {
    const hash = createHash('sha256').update(readFileSync(join(OUT, name)));
    return `${hash.digest('hex')}  ${name}\n`;
  });
  writeFileSync(join(OUT, SUMS), lines.join(''));
}

/** The time of the last commit stands in for now, so that a second build is the same. */
function commitSeconds(): number {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return Number(process.env.SOURCE_DATE_EPOCH);
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }));
}

function hasProgram(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.error(`${name} is missing: no .deb is made`);
    return false;
  }
}
