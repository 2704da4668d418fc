// Whether a hub's key, its store and hub_identity.json belong together. Pure: docs/reference/missing-files.md has the table.

/** What hub_identity.json says. */
export interface IdentityRecord {
  /** Of the hub's key, base64url. */
  readonly publicKey: string;
  /** A device was paired with it. */
  readonly served: boolean;
  /** How many changes of its owner the store had seen (identityTable.ts). */
  readonly changes: number;
}

export interface IdentityFacts {
  /** The hub's public key, base64url; null: there is no key. */
  readonly key: string | null;
  /** As sentences name it. */
  readonly keyText?: string;
  readonly store: StoreFacts;
  readonly file: IdentityRecord | 'damaged' | null;
}

export interface StoreFacts {
  readonly isThere: boolean;
  /** The key that the store names, base64url; null: none yet. */
  readonly key: string | null;
  /** All that were ever paired. */
  readonly devices: number;
  /** Those of them that are not revoked: they know the hub by its key. */
  readonly members: number;
}

/** What is missing: `what` names the thing and the cause, `remedy` the way out without a loss, `price` what --accept-loss does. */
export interface Loss {
  readonly what: string;
  readonly remedy: string;
  readonly price: string;
}

export const NO_STORE: StoreFacts = { isThere: false, key: null, devices: 0, members: 0 };

const NEW_LINKS = 'every device then needs a new pairing link';
const NEW_KEY = `makes a new key: ${NEW_LINKS}`;
const NO_DEVICES = `begins without devices and users: ${NEW_LINKS}`;

/** null: they belong together, or nothing that a device or an owner knows of is lost. */
export function lossOf({ key, keyText = 'hub_key.bin', store, file }: IdentityFacts): Loss | null {
  const served = file !== null && file !== 'damaged' && file.served ? file.publicKey : null;
  if (store.devices === 0)
    return lossWithoutDevices({ key, keyText, store, served, isFileDamaged: file === 'damaged' });
  if (store.members === 0) return null;
  const devices = store.members === 1 ? '1 device' : `${store.members} devices`;
  if (key === null) {
    return {
      what: `hub_key.bin is missing, but hub.db lists ${devices} paired with it`,
      remedy: 'put the key back from a copy',
      price: NEW_KEY,
    };
  }
  if ((store.key ?? served ?? key) === key) return null;
  const isForeignStore = store.key !== null && served === key;
  return {
    what: isForeignStore
      ? `hub.db is the store of another hub: it lists ${devices} paired with another key than ${keyText}`
      : `${keyText} is another key: hub.db lists ${devices} paired with a different one`,
    remedy: `put the right ${isForeignStore ? 'hub.db' : 'key'} back from a copy`,
    price: `keeps this key: ${NEW_LINKS}`,
  };
}

function lossWithoutDevices({
  key,
  keyText,
  store,
  served,
  isFileDamaged,
}: {
  key: string | null;
  keyText: string;
  store: StoreFacts;
  served: string | null;
  isFileDamaged: boolean;
}): Loss | null {
  const hub = store.isThere ? 'hub.db lists no devices' : 'hub.db is missing';
  if (served !== null && key === served) {
    return {
      what: `${hub}, but this hub has served devices`,
      remedy: 'restore hub.db from a backup',
      price: NO_DEVICES,
    };
  }
  if (served !== null) {
    const missing = key === null ? 'hub_key.bin is missing' : `${keyText} is another key`;
    return {
      what: `${missing} and ${hub}, but a hub in this directory has served devices`,
      remedy: 'restore both from a backup',
      price: `begins as a new hub: ${NEW_LINKS}`,
    };
  }
  // The store itself says that it has seen no device, or there never was a hub.
  if (!isFileDamaged || (key !== null && store.key === key)) return null;
  return {
    what: `hub_identity.json is damaged and ${hub}: whether this hub has served devices cannot be told`,
    remedy: 'restore hub.db from a backup',
    price: `begins without devices: if there were any, ${NEW_LINKS}`,
  };
}
