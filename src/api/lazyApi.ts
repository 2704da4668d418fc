// The owner API of a hub, made at the first request on any port: a hub that nobody asks does without the API's libraries.

import { Live } from './liveChannel.ts';
import type { ApiParts, OwnerApi } from './ownerApi.ts';

export interface LazyApiOptions extends Omit<ApiParts, 'live'> {
  /** Of the live channel; shorter in tests. */
  readonly heartbeatMs?: number;
}

export class LazyApi {
  readonly live: Live;
  readonly onFault: (error: unknown) => void;
  readonly #parts: ApiParts;
  #app: Promise<OwnerApi> | null = null;

  constructor({ heartbeatMs, ...parts }: LazyApiOptions) {
    const heartbeat = heartbeatMs === undefined ? {} : { heartbeatMs };
    this.live = new Live({ fleet: parts.fleet, now: () => performance.now(), ...heartbeat });
    this.onFault = parts.onFault;
    this.#parts = { ...parts, live: this.live };
  }

  /** Loads what app() needs, for who does not want to hold something meanwhile. */
  static async load(): Promise<void> {
    await import('./ownerApi.ts');
  }

  app(): Promise<OwnerApi> {
    this.#app ??= import('./ownerApi.ts').then(({ makeOwnerApi }) => makeOwnerApi(this.#parts));
    return this.#app;
  }
}
