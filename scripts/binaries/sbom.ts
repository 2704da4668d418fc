// The software bill of materials (CycloneDX) of what the binaries carry, as npm writes it from package-lock.json.

import { execFileSync } from 'node:child_process';
import { lockedPin, ROOT } from './npmPackages.ts';
import { PLATFORMS } from './platforms.ts';

/** JSON. The same sources give the same text: npm's time stamp and random number are left out. */
export function makeSbom(): string {
  const args = [
    'sbom',
    '--package-lock-only',
    '--omit',
    'dev',
    '--omit',
    'optional',
    '--sbom-format',
    'cyclonedx',
  ];
  const bom = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 }));
  delete bom.serialNumber;
  delete bom.metadata.timestamp;
  // npm takes the folder's name.
  bom.metadata.component.name = 'restunnel';
  bom.metadata.component.type = 'application';
  bom.components.push(...nativeParts(), ...nodes());
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** Optional for npm, and in the files all the same. */
function nativeParts(): object[] {
  const names = [
    '@napi-rs/keyring',
    ...PLATFORMS.map(({ keyring }) => `@napi-rs/keyring-${keyring}`),
    ...PLATFORMS.flatMap(({ koffi }) => koffi ?? []),
  ];
  return names.map((name) => {
    const { version } = lockedPin(name);
    return {
      'bom-ref': `${name}@${version}`,
      type: 'library',
      name,
      version,
      purl: `pkg:npm/${encodeURIComponent(name).replace('%2F', '/')}@${version}`,
      licenses: [{ license: { id: 'MIT' } }],
    };
  });
}

function nodes(): object[] {
  const versions = PLATFORMS.map(({ runtime }) => lockedPin(runtime.npmPackage).version);
  return [...new Set(versions)].sort().map((version) => ({
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    licenses: [{ license: { id: 'MIT' } }],
  }));
}
