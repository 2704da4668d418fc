// What a hub orders a node to do with CONTROL: a small JSON object, each key an order. Keys that this version does not know are ignored.
// Pure.

import type { HubListPart } from '../cluster/hubListParts.ts';
import { HUB_LIST } from '../limits/cluster.ts';
import { SESSION } from '../limits/session.ts';
import { ProtocolError } from './protocolError.ts';

export interface ControlOrders {
  /** The rate at which the node may send on this session; null for any. */
  readonly pace?: { readonly bytesPerSecond: number | null };
  /** Get a new public address. STATUS answers with `rotation` and this number. */
  readonly rotate?: { readonly request: number };
  /** Another device with this node's key is connected: close, and do not dial for so long. */
  readonly sharedKey?: { readonly waitMs: number };
  /** A part of the signed list of the cluster's hubs. */
  readonly hubs?: HubListPart;
}

export function encodeControl(orders: ControlOrders): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(orders));
  if (bytes.length > SESSION.controlMaxBytes) throw new RangeError('CONTROL is too long');
  return bytes;
}

/** Throws ProtocolError for anything but a JSON object in UTF-8, and for a malformed order. */
export function decodeControl(bytes: Uint8Array): ControlOrders {
  const { pace, rotate, sharedKey, hubs } = readObject(parse(bytes), 'a CONTROL');
  return {
    ...(pace === undefined
      ? {}
      : { pace: { bytesPerSecond: readRate(readObject(pace, 'pace').bytesPerSecond) } }),
    ...(rotate === undefined
      ? {}
      : { rotate: { request: readCount(readObject(rotate, 'rotate').request, 'a rotate whose request') } }),
    ...(sharedKey === undefined
      ? {}
      : {
          sharedKey: {
            waitMs: readCount(readObject(sharedKey, 'sharedKey').waitMs, 'a sharedKey whose waitMs'),
          },
        }),
    ...(hubs === undefined ? {} : { hubs: readPart(readObject(hubs, 'hubs')) }),
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ProtocolError('a CONTROL that is not JSON');
  }
}

function readObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(`${what} is not an object`);
  }
  return value as Record<string, unknown>;
}

function readRate(value: unknown): number | null {
  if (value === null) return null;
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw new ProtocolError('a pace that is not a whole number of bytes per second');
  }
  return value as number;
}

function readCount(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new ProtocolError(`${what} is not a number`);
  }
  return value as number;
}

function readPart({ number, part, parts, data }: Record<string, unknown>): HubListPart {
  const read = {
    number: readCount(number, 'a list of hubs whose number'),
    part: readCount(part, 'a list of hubs whose part'),
    parts: readCount(parts, 'a list of hubs whose parts'),
  };
  if (read.parts > HUB_LIST.partsMax || read.part >= read.parts) {
    throw new ProtocolError('a part that the list of hubs cannot have');
  }
  if (typeof data !== 'string' || !/^[\w-]+$/.test(data)) {
    throw new ProtocolError('a part of the list of hubs without data');
  }
  return { ...read, data };
}
