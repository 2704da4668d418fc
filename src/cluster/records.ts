// What hubs of a cluster share, as records of a key-value store: how each is written and read (native-notes/cluster.md). Pure.

import { CLUSTER, HUB_LIST } from '../limits/cluster.ts';
import { LISTING } from '../limits/owner.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { NodeSettings } from '../model/fleet.ts';
import { foldName, isCountryCode, isSimpleName } from '../model/nameSyntax.ts';
import type { UserLimits } from '../model/userAccounts.ts';
import { nodeIdOf } from '../noise/nodeId.ts';

/** Of a device that was paired at some hub. Times are milliseconds since the Unix epoch. */
export interface NodeRecord {
  readonly id: string;
  /** base64url, 32 bytes: `id` comes from it. */
  readonly publicKey: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** The last time that it was let in by a link. */
  readonly enrolledAtMs: number;
  /** The last time that it was revoked; it is, unless it was enrolled later. */
  readonly revokedAtMs: number | null;
  /** When name or settings were changed last. */
  readonly changedAtMs: number;
  readonly settings: NodeSettings;
}

export interface UserRecord {
  readonly name: string;
  /** Of the password, argon2id. */
  readonly hash: string;
  readonly limits: UserLimits;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

/** Under the hash of the token, which is nowhere. */
export interface TokenRecord {
  readonly name: string | null;
  readonly expiresAtMs: number;
  readonly usedBy: string | null;
  readonly usedAtMs: number | null;
  readonly cancelledAtMs: number | null;
}

/** Claims a name for a device. */
export interface NameRecord {
  readonly nodeId: string;
}

export interface MetaRecord {
  readonly name: string;
  /** Public, of the cluster, base64url: lists of hubs are signed by it. */
  readonly key: string;
}

/** What a hub says of itself every few seconds. */
export interface PresenceRecord {
  readonly name: string;
  /** base64url. */
  readonly publicKey: string;
  /** Where devices reach it, "host:port". */
  readonly address: string;
  readonly version: string;
  /** The newest revision of the shared state that it has in its copy. */
  readonly appliedRevision: number;
  /** Devices connected to it. */
  readonly connected: number;
}

export interface Records {
  readonly node: NodeRecord;
  readonly user: UserRecord;
  readonly token: TokenRecord;
  readonly name: NameRecord;
  readonly meta: MetaRecord;
  readonly presence: PresenceRecord;
}
export type RecordKind = keyof Records;

/** `newer`: a later program wrote it, which alone may change it. `damaged`: `why` says what is wrong with it. */
export type Read<Kind extends RecordKind> =
  | { readonly state: 'good'; readonly record: Records[Kind] }
  | { readonly state: 'newer'; readonly version: number }
  | { readonly state: 'damaged'; readonly why: string };

export function writeRecord<Kind extends RecordKind>(_kind: Kind, record: Records[Kind]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v: CLUSTER.recordVersion, ...record }));
}

/** Fields that this program does not know are left out: within a version they change nothing of the others. */
export function readRecord<Kind extends RecordKind>(kind: Kind, bytes: Uint8Array): Read<Kind> {
  if (bytes.length > CLUSTER.recordMaxBytes) return { state: 'damaged', why: 'it is too long' };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { state: 'damaged', why: 'it is not JSON' };
  }
  if (!isObject(value)) return { state: 'damaged', why: 'it is not an object' };
  const { v } = value;
  if (!isCount(v) || v < 1) return { state: 'damaged', why: 'it has no version' };
  if (v > CLUSTER.recordVersion) return { state: 'newer', version: v };
  const record = READERS[kind](value);
  return typeof record === 'string' ? { state: 'damaged', why: record } : { state: 'good', record };
}

// --- Keys ------------------------------------------------------------------------------------------------------------------------------

export const META_KEY = 'meta';
export const HUBS_KEY = 'hubs';

export function nodeKey(id: string): string {
  return `node.${id}`;
}

/** Names that routes cannot tell apart have one key. */
export function nameKey(name: string): string {
  return `name.${base64url(foldName(name))}`;
}

export function userKey(name: string): string {
  return `user.${base64url(name)}`;
}

export function hubKey(hubId: string): string {
  return `hub.${hubId}`;
}

/** `hash`: of the token, BLAKE2b-256. */
export function tokenKey(hash: Uint8Array): string {
  return Buffer.from(hash).toString('base64url');
}

/** What stands under a key of the shared state; null: nothing that this program knows. */
export function keyOf(key: string): { kind: 'node' | 'user' | 'name'; of: string } | 'meta' | 'hubs' | null {
  if (key === META_KEY || key === HUBS_KEY) return key;
  const [kind, of = ''] = [key.slice(0, key.indexOf('.')), key.slice(key.indexOf('.') + 1)];
  if (kind === 'node') return { kind, of };
  if (kind === 'user' || kind === 'name') return { kind, of: Buffer.from(of, 'base64url').toString() };
  return null;
}

// --- Readers: the record, or what is wrong ---------------------------------------------------------------------------------------------

type Value = Record<string, unknown>;

const READERS: { readonly [Kind in RecordKind]: (value: Value) => Records[Kind] | string } = {
  node: readNode,
  user: readUser,
  token: readToken,
  name: ({ nodeId }) => (isId(nodeId) ? { nodeId } : 'it names no node'),
  meta: ({ name, key }) => (isText(name) && isKey(key) ? { name, key } : 'it lacks a name or a key'),
  presence: readPresence,
};

function readNode(value: Value): NodeRecord | string {
  const { id, publicKey, name, createdAtMs, enrolledAtMs, revokedAtMs, changedAtMs } = value;
  if (!isKey(publicKey)) return 'it has no key';
  if (id !== nodeIdOf(new Uint8Array(Buffer.from(publicKey, 'base64url'))))
    return 'its id does not come from its key';
  if (!isText(name, PROTOCOL.deviceNameMaxBytes)) return 'it has no name';
  if (!isCount(createdAtMs) || !isCount(enrolledAtMs) || !isCount(changedAtMs)) return 'it lacks a time';
  if (revokedAtMs !== null && !isCount(revokedAtMs)) return 'it lacks a time';
  const settings = readSettings(value.settings);
  if (settings === null) return 'its settings are malformed';
  return { id, publicKey, name, createdAtMs, enrolledAtMs, revokedAtMs, changedAtMs, settings };
}

/** By their form: what a rate or a schedule may be, the hub decided that took them. */
function readSettings(value: unknown): NodeSettings | null {
  if (!isObject(value) || !isObject(value.limits)) return null;
  const { tags, country, paused, rotateSchedule } = value;
  const { mbitPerSecond, streams, monthlyBytes, hours } = value.limits;
  if (!isTags(tags) || typeof paused !== 'boolean') return null;
  if (country !== null && !(typeof country === 'string' && isCountryCode(country))) return null;
  if (!isTextOrNull(rotateSchedule) || !isTextOrNull(hours)) return null;
  if (mbitPerSecond !== null && !(typeof mbitPerSecond === 'number' && mbitPerSecond > 0)) return null;
  if (!isLimit(streams) || !isLimit(monthlyBytes)) return null;
  return { tags, country, paused, limits: { mbitPerSecond, streams, monthlyBytes, hours }, rotateSchedule };
}

function readUser({ name, hash, limits, createdAtMs, changedAtMs }: Value): UserRecord | string {
  if (typeof name !== 'string' || !isSimpleName(name)) return 'it has no name';
  if (!isText(hash, CLUSTER.hashMaxChars)) return 'it has no hash';
  if (!isObject(limits)) return 'it lacks limits';
  const { streams, tags } = limits;
  if (!isLimit(streams) || !(tags === null || isTags(tags))) return 'its limits are malformed';
  if (!isCount(createdAtMs) || !isCount(changedAtMs)) return 'it lacks a time';
  return { name, hash, limits: { streams, tags }, createdAtMs, changedAtMs };
}

function readToken({ name, expiresAtMs, usedBy, usedAtMs, cancelledAtMs }: Value): TokenRecord | string {
  if (!(name === null || isText(name, PROTOCOL.deviceNameMaxBytes))) return 'its name is malformed';
  if (!isCount(expiresAtMs)) return 'it lacks a time';
  if (!isTimeOrNull(usedAtMs) || !isTimeOrNull(cancelledAtMs)) return 'it lacks a time';
  if (!(usedBy === null || isId(usedBy)) || (usedBy === null) !== (usedAtMs === null)) {
    return 'whether it is used cannot be told';
  }
  return { name, expiresAtMs, usedBy, usedAtMs, cancelledAtMs };
}

function readPresence(value: Value): PresenceRecord | string {
  const { name, publicKey, address, version, appliedRevision, connected } = value;
  if (!isText(name) || !isText(address, CLUSTER.addressMaxBytes) || !isText(version))
    return 'it lacks a word';
  if (!isKey(publicKey)) return 'it has no key';
  if (!isCount(appliedRevision) || !isCount(connected)) return 'it lacks a number';
  return { name, publicKey, address, version, appliedRevision, connected };
}

function isObject(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTimeOrNull(value: unknown): value is number | null {
  return value === null || isCount(value);
}

function isLimit(value: unknown): value is number | null {
  return value === null || (isCount(value) && value >= 1);
}

/** Nothing that could harm a terminal or a page. */
function isText(value: unknown, maxBytes: number = HUB_LIST.nameMaxBytes): value is string {
  return typeof value === 'string' && /^[^\p{C}]+$/u.test(value) && Buffer.byteLength(value) <= maxBytes;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || isText(value);
}

function isTags(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= LISTING.tagsMax &&
    value.every((tag) => typeof tag === 'string' && isSimpleName(tag))
  );
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

function isKey(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === PROTOCOL.keyBytes && bytes.toString('base64url') === value;
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
