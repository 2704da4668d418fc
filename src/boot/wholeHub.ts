// The composition root: the hub's engine, the socket of its own commands and the dashboard, started and stopped as one.

import { type Dashboard, serveDashboard } from '../dashboard/server.ts';
import { Hub } from '../hub/hub.ts';
import { type ControlServer, serveControl } from '../hub/serve/controlSocket.ts';
import { ownerCommands } from '../hub/serve/ownerCommands.ts';
import { userCommands } from '../hub/serve/userCommands.ts';
import type { Fleet, Pairing } from '../model/fleet.ts';
import type { BootOptions } from './bootOptions.ts';

export interface RunningHub {
  /** "host:port" as really bound; IPv6 hosts in brackets. */
  readonly addresses: { tunnel: string; socks: string; http: string; dashboard: string };
  /** base64url. */
  readonly publicKey: string;
  /** What the owner sees and does. */
  readonly fleet: Fleet;
  /** Makes a one-time pairing link. */
  pair(options: { name: string | null; ttlMs: number }): Pairing;
  /** Reads the rules file again; a bad one changes nothing. */
  reload(): void;
  /** Resolves once every engine thread has answered: never, while one of them hangs. */
  alive(): Promise<void>;
  /** How it goes, in a few words. */
  summary(): string;
  /** GOAWAY, wait for streams up to drainMs, then stop. A second call stops at once. */
  stop(): Promise<void>;
  /** Resolves when the hub has ended: with null after stop(), with the error when it ended by itself. */
  readonly ended: Promise<Error | null>;
}

/** Throws UserError, or a bind error with code, port and role. */
export async function startWholeHub(options: BootOptions): Promise<RunningHub> {
  const hub = new WholeHub(options);
  try {
    await hub.start();
  } catch (error) {
    await hub.stopNow();
    throw error;
  }
  return hub;
}

class WholeHub implements RunningHub {
  readonly ended: Promise<Error | null>;
  readonly #options: BootOptions;
  readonly #hub: Hub;
  #control: ControlServer | null = null;
  #dashboard: Dashboard | null = null;
  #stopping: Promise<void> | null = null;
  #end: (error: Error | null) => void = () => {};

  constructor(options: BootOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#hub = new Hub(options);
    void this.#hub.failed.then((error) => this.#end(error));
  }

  get addresses(): RunningHub['addresses'] {
    return this.#hub.addresses;
  }

  get publicKey(): string {
    return this.#hub.publicKey;
  }

  get fleet(): Fleet {
    return this.#hub.fleet;
  }

  pair(options: { name: string | null; ttlMs: number }): Pairing {
    return this.#hub.fleet.pair(options);
  }

  reload(): void {
    this.#hub.reload();
  }

  alive(): Promise<void> {
    return this.#hub.alive();
  }

  summary(): string {
    return this.#hub.summary();
  }

  async start(): Promise<void> {
    const { dataDir, dashboard, dashboardHosts, dashboardPassword, log } = this.#options;
    const hub = this.#hub;
    await hub.prepare();
    // The lock of the data directory comes with it, so nothing that writes there is started before.
    this.#control = await serveControl(
      dataDir,
      { ...ownerCommands(hub.fleet), ...userCommands(hub.users) },
      (error) => log.error({ err: error }, 'the hub failed at a command'),
    );
    await hub.start();
    // Last: its address stands in the addresses only then, and whoever opens it finds a hub that runs.
    this.#dashboard = await serveDashboard({
      bind: dashboard,
      fleet: hub.fleet,
      dataDir,
      hosts: dashboardHosts,
      password: dashboardPassword,
      ownUser: hub.ownUser,
      onFault: (error) => log.error({ err: error }, 'the dashboard failed at a request'),
    });
    hub.addresses.dashboard = this.#dashboard.address;
  }

  stop(): Promise<void> {
    if (this.#stopping === null) this.#stopping = this.#drainAndStop();
    else this.#hub.hurry();
    return this.#stopping;
  }

  async #drainAndStop(): Promise<void> {
    await this.#hub.drain();
    await this.stopNow();
  }

  /** Also the way out of a start that failed half-way. */
  async stopNow(): Promise<void> {
    this.#stopping ??= Promise.resolve();
    await this.#control?.stopServing();
    await this.#dashboard?.close();
    await this.#hub.stop();
    // Only now may another hub go on from what is written.
    await this.#control?.close();
    this.#end(null);
  }
}
