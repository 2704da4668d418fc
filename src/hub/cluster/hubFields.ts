// The fields of what hubs of one cluster say to each other: each reader takes what came over NATS and gives a value of its kind, or throws
// Malformed. Pure.

import { HUB_LIST } from '../../limits/cluster.ts';

export type Value = Record<string, unknown>;

/** Something that is not what this program would say. */
export class Malformed extends Error {}

/** null for what is malformed. */
export function readOrNull<Read>(read: () => Read): Read | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

export function object(value: unknown): Value {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed();
  return value as Value;
}

export function array(value: unknown, max: number): unknown[] {
  if (!Array.isArray(value) || value.length > max) throw new Malformed();
  return value;
}

export function list<Read>(value: unknown, max: number, read: (item: Value) => Read): Read[] {
  return array(value, max).map((item) => read(object(item)));
}

/** Of a hub or a node: both come from a key. */
export function id(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) throw new Malformed();
  return value;
}

/** Nothing that could harm a terminal or a page. */
export function text(value: unknown): string {
  const isText = typeof value === 'string' && /^[^\p{C}]*$/u.test(value);
  if (!isText || Buffer.byteLength(value) > HUB_LIST.saidMaxBytes) throw new Malformed();
  return value;
}

export function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Malformed();
  return value;
}

/** JSON has no infinite ones. */
export function amount(value: unknown, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= max)) throw new Malformed();
  return value;
}

/** A whole number. */
export function count(value: unknown, max: number = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(value)) throw new Malformed();
  return amount(value, max);
}

/** As toISOString() writes it: Date.parse() takes much else. */
export function time(value: unknown): string {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== value) throw new Malformed();
  return value;
}

export function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word {
  const word = words.find((each) => each === value);
  if (word === undefined) throw new Malformed();
  return word;
}

export function orNull<Read>(read: (value: unknown) => Read, value: unknown): Read | null {
  return value === null ? null : read(value);
}

/** Of a field that an older version does not say. */
export function perhapsOneOf<Word extends string>(words: readonly Word[], value: unknown): Word | null {
  return orNull((word) => oneOf(words, word), value ?? null);
}
