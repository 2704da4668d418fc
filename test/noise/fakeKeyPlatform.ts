// A platform with a store of secrets in memory, which can be locked, forgetful or broken at a chosen call.

import type { KeyPlatform, SystemStore } from '../../src/noise/keyStores.ts';

export class FakeKeyPlatform implements KeyPlatform {
  readonly entries = new Map<string, Uint8Array>();
  readonly platform: NodeJS.Platform;
  credentialsDir: string | null = null;
  /** Why every call fails; null: none does. */
  trouble: string | null = null;
  /** Takes secrets and does not keep them. */
  forgets = false;
  /** Before the call of that number, counted from 1, this happens. */
  before: { call: number; does: () => void } | null = null;
  calls = 0;

  constructor(platform: NodeJS.Platform) {
    this.platform = platform;
  }

  entriesOf(_store: SystemStore) {
    return {
      get: (account: string) => {
        this.#call();
        const secret = this.entries.get(account);
        return secret === undefined ? null : new Uint8Array(secret);
      },
      set: (account: string, secret: Uint8Array) => {
        this.#call();
        if (!this.forgets) this.entries.set(account, new Uint8Array(secret));
      },
      remove: (account: string) => {
        this.#call();
        this.entries.delete(account);
      },
    };
  }

  #call(): void {
    this.calls++;
    if (this.before?.call === this.calls) this.before.does();
    if (this.trouble !== null) throw new Error(this.trouble);
  }
}
