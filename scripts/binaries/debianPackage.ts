// Makes the .deb: the one file as /usr/bin/restunnel, both units, and options in /etc/default/restunnel. Needs dpkg-deb.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROLES, type Role } from '../../src/cli/service/service.ts';
import { renderUnit, unitName } from '../../src/cli/service/systemdUnit.ts';
import { ROOT } from './npmPackages.ts';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** Two packages of the same sources are the same to the byte: every time in them is `epochSeconds`. */
export function makeDebianPackage(
  program: string,
  architecture: string,
  work: string,
  file: string,
  epochSeconds: number,
): void {
  rmSync(work, { recursive: true, force: true });
  place(work, 'usr/bin/restunnel', readFileSync(program), 0o755);
  for (const role of ROLES) place(work, `lib/systemd/system/${unitName(role)}.service`, packagedUnit(role));
  const debian = join(ROOT, 'scripts', 'debian');
  place(work, 'etc/default/restunnel', readFileSync(join(debian, 'restunnel.default')));
  place(work, 'usr/share/doc/restunnel/copyright', readFileSync(join(ROOT, 'LICENSE')));
  place(work, 'DEBIAN/control', control(architecture));
  place(work, 'DEBIAN/conffiles', '/etc/default/restunnel\n');
  for (const name of SCRIPTS) place(work, `DEBIAN/${name}`, readFileSync(join(debian, name)), 0o755);
  mkdirSync(dirname(file), { recursive: true });
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', work, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epochSeconds) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(work, { recursive: true });
}

/** The unit of `restunnel service install`, with options out of /etc/default. */
function packagedUnit(role: Role): string {
  const dataDir = `/var/lib/restunnel${role === 'node' ? '-node' : ''}`;
  const service = { role, isSystem: true, program: ['/usr/bin/restunnel'], options: [], dataDir };
  return renderUnit(service, {
    head: '# Options: /etc/default/restunnel.',
    before: 'EnvironmentFile=-/etc/default/restunnel',
    rawOptions: `$RESTUNNEL_${role.toUpperCase()}_OPTIONS`,
  });
}

function control(architecture: string): string {
  const { version, description } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return `Package: restunnel
Version: ${version}
Architecture: ${architecture}
Maintainer: The Restunnel developers <restunnel@localhost>
Section: net
Priority: optional
Depends: passwd, libc6 (>= 2.28), libstdc++6, libgcc-s1
Description: ${description.split(':')[0]}
 ${description}
`;
}

function place(folder: string, path: string, content: string | Uint8Array, mode = 0o644): void {
  const to = join(folder, path);
  mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
  writeFileSync(to, content);
  chmodSync(to, mode);
}
