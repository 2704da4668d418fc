// The composition root: the hub's engine, the owner API on hub.sock and the dashboard, started and stopped as one.

import { LazyApi } from '../api/lazyApi.ts';
import type { OwnerSocket } from '../api/ownerServer.ts';
import { serveOwnerSocket } from '../api/ownerSocket.ts';
import type { DataDirLock } from '../base/dataDirLock.ts';
import { type Dashboard, serveDashboard } from '../dashboard/server.ts';
import { Hub } from '../hub/hub.ts';
import type { Fleet, HubStatus, Pairing } from '../model/fleet.ts';
import type { BootOptions } from './bootOptions.ts';
import { lockForHub } from './hubLock.ts';

export interface RunningHub {
  /** "host:port" as really bound; IPv6 hosts in brackets. */
  readonly addresses: Readonly<HubStatus['addresses']>;
  /** base64url. */
  readonly publicKey: string;
  /** What the owner sees and does. */
  readonly fleet: Fleet;
  /** Makes a one-time pairing link. */
  pair(options: { name: string | null; ttlMs: number }): Promise<Pairing>;
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
  // First taken, and last let go of: nothing that writes into the directory runs without it.
  const lock = await lockForHub(options.dataDir);
  let hub: WholeHub;
  try {
    hub = new WholeHub(options, lock, await Hub.open(options));
  } catch (error) {
    lock.release();
    throw error;
  }
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
  readonly #lock: DataDirLock;
  readonly #hub: Hub;
  readonly #api: LazyApi;
  #socket: OwnerSocket | null = null;
  #dashboard: Dashboard | null = null;
  #stopping: Promise<void> | null = null;
  #end: (error: Error | null) => void = () => {};

  constructor(options: BootOptions, lock: DataDirLock, hub: Hub) {
    const { log } = options;
    this.#options = options;
    this.#lock = lock;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    void hub.failed.then((error) => this.#end(error));
    this.#hub = hub;
    this.#api = new LazyApi({
      fleet: hub.fleet,
      ownUser: hub.ownUser,
      apk: options.apk,
      metricsNodes: options.metricsNodes,
      onFault: (error) => log.error({ err: error }, 'the hub failed at a request of its owner'),
    });
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

  pair(options: { name: string | null; ttlMs: number }): Promise<Pairing> {
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
    const { dataDir, dashboard, dashboardHosts, dashboardPassword } = this.#options;
    // Before all that takes its time: a command that finds the lock taken waits for somebody to answer here.
    this.#socket = await serveOwnerSocket(dataDir, this.#api);
    await this.#hub.prepare();
    await this.#hub.start();
    this.#dashboard = await serveDashboard({
      bind: dashboard,
      api: this.#api,
      dataDir,
      hosts: dashboardHosts,
      password: dashboardPassword,
    });
    this.#hub.addresses.dashboard = this.#dashboard.address;
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
    try {
      await this.#socket?.close();
      await this.#dashboard?.close();
      await this.#hub.stop();
    } finally {
      // Only now may another hub go on from what is written.
      this.#lock.release();
      this.#end(null);
    }
  }
}
