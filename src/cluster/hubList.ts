// The list of a cluster's hubs, signed by its owner's key: nodes dial these hubs (native-notes/cluster.md). Pure.

import sodium from 'sodium-native';
import { HUB_LIST } from '../limits/cluster.ts';
import { PROTOCOL } from '../limits/wire.ts';

export interface ListedHub {
  readonly name: string;
  /** A DNS name or an IP literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** base64url, 32 bytes. */
  readonly publicKey: string;
}

export interface HubList {
  readonly cluster: string;
  /** Every list of a cluster has a higher one than the list before. */
  readonly number: number;
  /** How many of the hubs a device dials; null: all. */
  readonly perDevice: number | null;
  readonly hubs: readonly ListedHub[];
}

/** The words say what is wrong with a list. */
export class HubListError extends Error {
  override readonly name = 'HubListError';
}

export interface ClusterKey {
  /** 32 bytes, Ed25519 (RFC 8032). */
  readonly publicKey: Uint8Array;
  /** 64 bytes as libsodium has it: the seed and the public key. */
  readonly secretKey: Uint8Array;
}

const CONTEXT = new TextEncoder().encode('restunnel hub list 1\n');
const SIGNATURE_BYTES = 64;

/** `seed`: 32 fresh random bytes. */
export function clusterKeyOf(seed: Uint8Array): ClusterKey {
  const publicKey = new Uint8Array(32);
  const secretKey = new Uint8Array(64);
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed);
  return { publicKey, secretKey };
}

/** The signature, then the list in JSON. Throws HubListError for a list that no node would take. */
export function signHubList(list: HubList, secretKey: Uint8Array): Uint8Array {
  const { cluster, number, perDevice, hubs } = list;
  const listed = hubs.map(({ name, host, port, publicKey }) => ({ name, host, port, publicKey }));
  const text = new TextEncoder().encode(JSON.stringify({ cluster, number, perDevice, hubs: listed }));
  checkList(JSON.parse(new TextDecoder().decode(text)));
  const signed = new Uint8Array(SIGNATURE_BYTES + text.length);
  if (signed.length > HUB_LIST.maxBytes) throw new HubListError('the list is too long');
  sodium.crypto_sign_detached(signed.subarray(0, SIGNATURE_BYTES), toSign(text), secretKey);
  signed.set(text, SIGNATURE_BYTES);
  return signed;
}

/** Throws HubListError when the list was not signed by this key, and when it is malformed. */
export function openHubList(signed: Uint8Array, clusterPublicKey: Uint8Array): HubList {
  if (signed.length <= SIGNATURE_BYTES || signed.length > HUB_LIST.maxBytes) {
    throw new HubListError('the list has an impossible length');
  }
  const text = signed.subarray(SIGNATURE_BYTES);
  const signature = signed.subarray(0, SIGNATURE_BYTES);
  if (!sodium.crypto_sign_verify_detached(signature, toSign(text), clusterPublicKey)) {
    throw new HubListError("the list is not signed by the cluster's key");
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    throw new HubListError('the list is not JSON');
  }
  return checkList(value);
}

function toSign(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CONTEXT.length + text.length);
  bytes.set(CONTEXT);
  bytes.set(text, CONTEXT.length);
  return bytes;
}

function checkList(value: unknown): HubList {
  if (!isObject(value)) throw new HubListError('the list is not an object');
  const { cluster, number, perDevice, hubs } = value;
  if (!isName(cluster)) throw new HubListError('the list names no cluster');
  if (!Number.isSafeInteger(number) || (number as number) < 1) {
    throw new HubListError('the list has no number');
  }
  if (perDevice !== null && !isWithin(perDevice, 1, HUB_LIST.hubsMax)) {
    throw new HubListError(`the list does not say how many hubs a device dials: 1 to ${HUB_LIST.hubsMax}`);
  }
  if (!Array.isArray(hubs) || hubs.length > HUB_LIST.hubsMax) {
    throw new HubListError(`the list must have at most ${HUB_LIST.hubsMax} hubs`);
  }
  const checked = hubs.map(checkHub);
  for (const field of ['name', 'publicKey'] as const) {
    if (new Set(checked.map((hub) => hub[field])).size < checked.length) {
      throw new HubListError(`the list has two hubs with one ${field === 'name' ? 'name' : 'key'}`);
    }
  }
  return { cluster, number: number as number, perDevice: perDevice as number | null, hubs: checked };
}

function checkHub(value: unknown): ListedHub {
  if (!isObject(value)) throw new HubListError('a hub of the list is not an object');
  const { name, host, port, publicKey } = value;
  if (!isName(name)) throw new HubListError('a hub of the list has no name');
  if (typeof host !== 'string' || !/^[\x21-\x7e]+$/.test(host) || host.length > PROTOCOL.hostMaxBytes) {
    throw new HubListError(`the hub ${name} has no valid host`);
  }
  if (!isWithin(port, 1, 65_535)) throw new HubListError(`the hub ${name} has no valid port`);
  if (!isKey(publicKey)) throw new HubListError(`the hub ${name} has no valid key`);
  return { name, host, port: port as number, publicKey };
}

/** Nothing that could harm a terminal or a page. */
function isName(value: unknown): value is string {
  if (typeof value !== 'string' || !/^[^\p{C}]+$/u.test(value)) return false;
  return new TextEncoder().encode(value).length <= HUB_LIST.nameMaxBytes;
}

function isKey(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === PROTOCOL.keyBytes && bytes.toString('base64url') === value;
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
