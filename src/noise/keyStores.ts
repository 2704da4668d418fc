// Where a private key can lie: a file in the data directory, or the platform's own store of secrets. Pure.

import { UserError } from '../base/userError.ts';

export const KEY_STORES = ['file', 'secret-service', 'keychain', 'credential-manager'] as const;
export type KeyStoreName = (typeof KEY_STORES)[number];
/** The platform's own. */
export type SystemStore = Exclude<KeyStoreName, 'file'>;

/** Entries of a system's store, by account. Each throws what the store says when it is locked or cannot be reached. */
export interface SecretEntries {
  /** null: there is no such entry. */
  get(account: string): Uint8Array | null;
  set(account: string, secret: Uint8Array): void;
  remove(account: string): void;
}

/** What the platform offers for keys; tests have their own. */
export interface KeyPlatform {
  readonly platform: NodeJS.Platform;
  /** Where systemd has put the service's credentials; null: nowhere. */
  readonly credentialsDir: string | null;
  /** Throws when the store cannot be used on this machine. */
  entriesOf(store: SystemStore): SecretEntries;
}

const SYSTEM_STORES: Readonly<
  Record<SystemStore, { readonly title: string; readonly platforms: readonly NodeJS.Platform[] }>
> = {
  'secret-service': { title: 'the Secret Service', platforms: ['linux', 'freebsd'] },
  keychain: { title: 'the Keychain', platforms: ['darwin'] },
  'credential-manager': { title: 'the Credential Manager', platforms: ['win32'] },
};

/** As sentences name it. */
export function titleOf(store: KeyStoreName): string {
  return store === 'file' ? 'a file' : SYSTEM_STORES[store].title;
}

/** Where a new key goes when nobody chose. A Linux server has no Secret Service, and a desktop's is locked until somebody logs in. */
export function defaultKeyStore(platform: NodeJS.Platform): KeyStoreName {
  if (platform === 'darwin') return 'keychain';
  return platform === 'win32' ? 'credential-manager' : 'file';
}

/** Throws UserError (exit code 2) for a store that the platform has not, or that nobody knows. */
export function parseKeyStore(text: string, flag: string, platform: NodeJS.Platform): KeyStoreName {
  const offered = KEY_STORES.filter(
    (name) => name === 'file' || SYSTEM_STORES[name].platforms.includes(platform),
  );
  const chosen = offered.find((name) => name === text);
  if (chosen !== undefined) return chosen;
  const elsewhere = KEY_STORES.some((name) => name === text);
  const why = elsewhere ? 'does not exist on this system' : 'is no key store';
  throw new UserError(
    `${flag}: ${JSON.stringify(text.slice(0, 40))} ${why}; there is ${offered.join(' and ')}`,
    2,
  );
}
