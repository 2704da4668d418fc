// OpenSSH: remote dynamic forwarding (`ssh -R PORT` without a target), where sshd listens for SOCKS clients and the ssh client dials, as our
// hub and node do. ChaCha20-Poly1305 like ours. An sshd of our own with throw-away keys; it must run as root (it logs in root).

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild, startWrapped, until } from '../machine/child.ts';
import { freePort, listens } from '../machine/ports.ts';
import { familyOf } from '../machine/usage.ts';
import { LOOPBACK, type Peer } from './peer.ts';

const CIPHER = 'chacha20-poly1305@openssh.com';
const READY_MS = 20_000;

export const ssh: Peer = {
  name: 'ssh',
  programs: ['ssh', 'sshd', 'ssh-keygen'],
  async start({ folder, detour, site = LOOPBACK }) {
    const sshPort = await freePort();
    const socksPort = await freePort();
    const children: Child[] = [];
    try {
      writeConfig(folder, site.nearHost, sshPort);
      // sshd wants its path whole, because it runs itself anew for each connection.
      const sshd = startChild('sshd', '/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')]);
      children.push(sshd);
      await until('sshd listening', sshd, READY_MS, () => listens(sshPort, site.nearHost));
      const listening = { host: site.nearHost, port: sshPort };
      const dial = detour === null ? listening : await detour(listening);
      const client = startWrapped('ssh', site.farCommand, 'ssh', [
        ...['-N', '-F', 'none', '-i', join(folder, 'user_key'), '-p', String(dial.port)],
        ...options({
          StrictHostKeyChecking: 'no',
          UserKnownHostsFile: '/dev/null',
          IdentitiesOnly: 'yes',
          BatchMode: 'yes',
          ExitOnForwardFailure: 'yes',
          Compression: 'no',
          Ciphers: CIPHER,
        }),
        ...['-R', `127.0.0.1:${socksPort}`, `root@${dial.host}`],
      ]);
      children.push(client);
      await until('ssh -R listening', client, READY_MS, () => listens(socksPort));
      return {
        proxy: { host: '127.0.0.1', port: socksPort },
        pids: () => ({ hub: familyOf(sshd.pid), node: [client.pid] }),
        async stop() {
          await client.stop();
          await sshd.stop();
        },
      };
    } catch (error) {
      for (const child of children.reverse()) await child.stop();
      throw error;
    }
  },
};

function writeConfig(folder: string, host: string, port: number): void {
  // Where sshd puts its unprivileged child; Debian's service file makes it.
  mkdirSync('/run/sshd', { recursive: true });
  for (const name of ['host_key', 'user_key']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  copyFileSync(join(folder, 'user_key.pub'), join(folder, 'authorized_keys'));
  const settings = {
    Port: port,
    ListenAddress: host,
    HostKey: join(folder, 'host_key'),
    AuthorizedKeysFile: join(folder, 'authorized_keys'),
    PidFile: 'none',
    PermitRootLogin: 'prohibit-password',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    UsePAM: 'no',
    StrictModes: 'no',
    AllowTcpForwarding: 'yes',
    Ciphers: CIPHER,
    LogLevel: 'ERROR',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(join(folder, 'sshd_config'), lines.join(''));
}

function options(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
