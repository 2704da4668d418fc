// What the other programs call themselves, for the results.

import { execFileSync } from 'node:child_process';
import { findProgram } from '../machine/programs.ts';

/** Programs, and how each is asked. */
const ASKED = {
  chisel: '--version',
  frps: '--version',
  rathole: '--version',
  ssserver: '--version',
  v2ray: '-version',
  wstunnel: '--version',
} as const;

const PACKAGES = ['openssh-client', 'openssh-server', 'shadowsocks-libev', 'microsocks'];

/** By name; those that are not here are absent. */
export function peerVersions(): { [name: string]: string } {
  const found: { [name: string]: string } = {};
  for (const name of PACKAGES) {
    const version = said('dpkg-query', ['-W', '-f', '$' + '{Version}', name]);
    if (version !== null) found[name] = version;
  }
  for (const [name, flag] of Object.entries(ASKED)) {
    const path = findProgram(name);
    const version = path === null ? null : said(path, [flag]);
    if (version !== null) found[name] = numberIn(version);
  }
  return found;
}

function numberIn(text: string): string {
  const number = /Version:\s+(\S+)/.exec(text) ?? /(\d+(?:\.\d+)+)/.exec(text);
  return number?.[1] ?? 'unknown';
}

/** null: it is not installed, or has nothing to say. */
function said(program: string, args: readonly string[]): string | null {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
}
