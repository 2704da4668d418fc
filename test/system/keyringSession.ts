// A desktop session with a Secret Service: a D-Bus of its own and gnome-keyring in it, whose secrets lie in a folder of the test's.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const KEYRING_PROGRAMS = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'];

/** Ends with its standard input. `secret-tool` shows that the keyring can be used, which takes it a moment. */
const SESSION = `
if [ "$1" = unlocked ]; then
  printf pw | gnome-keyring-daemon --unlock --components=secrets >&2
  until printf x | secret-tool store --label=probe probe 1; do :; done
  secret-tool clear probe 1
else
  gnome-keyring-daemon --start --components=secrets >&2
fi
echo "bus $DBUS_SESSION_BUS_ADDRESS"
exec cat >/dev/null`;

export class KeyringSession {
  readonly busAddress: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, busAddress: string) {
    this.#child = child;
    this.busAddress = busAddress;
  }

  /** @param home keeps the secrets from one session to the next */
  static async start(home: string, state: 'unlocked' | 'locked'): Promise<KeyringSession> {
    const runtimeDir = join(home, 'run');
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    const { DBUS_SESSION_BUS_ADDRESS: _, DISPLAY: __, ...env } = process.env;
    const child = spawn('dbus-run-session', ['--', 'bash', '-c', SESSION, 'bash', state], {
      env: { ...env, HOME: home, XDG_RUNTIME_DIR: runtimeDir },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let complaints = '';
    child.stderr.on('data', (text: Buffer) => {
      complaints += text.toString();
    });
    for await (const line of createInterface(child.stdout)) {
      const address = /^bus (.*)$/.exec(line)?.[1];
      if (address !== undefined) return new KeyringSession(child, address);
    }
    throw new Error(`no session: ${complaints}`);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}
