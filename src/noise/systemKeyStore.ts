// The platform's store of secrets, through @napi-rs/keyring, which is loaded when a key lies there and never otherwise.

import { createRequire } from 'node:module';
import type { KeyPlatform, SecretEntries, SystemStore } from './keyStores.ts';

/** As people find the entries in their store. */
export const SERVICE = 'restunnel';

/** This machine. */
export function thisPlatform(): KeyPlatform {
  return {
    platform: process.platform,
    credentialsDir: process.env.CREDENTIALS_DIRECTORY || null,
    entriesOf: systemEntries,
  };
}

/** Throws when the package, an optional one, is not installed. */
function systemEntries(store: SystemStore): SecretEntries {
  const { Entry } = load();
  // Left to itself it falls back to the kernel's keyring, which a reboot empties.
  const options = store === 'secret-service' ? { linux: { store } } : undefined;
  const entry = (account: string) => new Entry(SERVICE, account, options);
  return {
    get(account) {
      const secret = entry(account).getSecret();
      return secret === null ? null : Uint8Array.from(secret);
    },
    set(account, secret) {
      entry(account).setSecret(secret);
    },
    remove(account) {
      entry(account).deleteCredential();
    },
  };
}

function load(): typeof import('@napi-rs/keyring') {
  try {
    return createRequire(import.meta.url)('@napi-rs/keyring') as typeof import('@napi-rs/keyring');
  } catch (error) {
    throw new Error('the package @napi-rs/keyring does not load here', { cause: error });
  }
}
