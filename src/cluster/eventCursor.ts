// Where a reader of the events of several hubs stands: a place at each hub, as one opaque word in a link. Pure.

import { HUB_LIST, PICTURE } from '../limits/cluster.ts';

/** Of one hub: the reader wants events with numbers above `after` and, unless null, below `before`. */
export interface EventPlace {
  readonly after: number;
  readonly before: number | null;
}

export interface EventCursor {
  /** Of a hub whose `after` is 0, events after this time; milliseconds since 1970. 0: all. */
  readonly sinceMs: number;
  /** By the hubs' ids, 16 hexadecimal digits. */
  readonly places: ReadonlyMap<string, EventPlace>;
}

/** Everything, from the newest event on. */
export const WHOLE: EventCursor = { sinceMs: 0, places: new Map() };

const VERSION = 1;
const ID_BYTES = 8;

/** At most PICTURE.cursorMaxChars, for as many hubs as a cluster has. */
export function encodeCursor({ sinceMs, places }: EventCursor): string {
  const bytes = [VERSION];
  pushNumber(bytes, Math.floor(sinceMs));
  for (const [hub, { after, before }] of places) {
    bytes.push(...Buffer.from(hub, 'hex'));
    pushNumber(bytes, after);
    // No event has the number 0.
    pushNumber(bytes, before ?? 0);
  }
  return Buffer.from(bytes).toString('base64url');
}

/** null: it is no cursor of this version. */
export function decodeCursor(word: string): EventCursor | null {
  if (word.length > PICTURE.cursorMaxChars || !/^[\w-]+$/.test(word)) return null;
  const bytes = Buffer.from(word, 'base64url');
  if (bytes[0] !== VERSION) return null;
  const reader = new Reader(bytes);
  const sinceMs = reader.number();
  const places = new Map<string, EventPlace>();
  while (!reader.isAtEnd) {
    const hub = reader.id();
    const [after, before] = [reader.number(), reader.number()];
    if (hub === null || after === null || before === null || places.size >= HUB_LIST.hubsMax) return null;
    places.set(hub, { after, before: before === 0 ? null : before });
  }
  return sinceMs === null ? null : { sinceMs, places };
}

/** Seven bits a byte, the lowest first; the highest bit says that more follow (LEB128). */
function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  id(): string | null {
    const end = this.#at + ID_BYTES;
    if (end > this.#bytes.length) return null;
    const id = Buffer.from(this.#bytes.subarray(this.#at, end)).toString('hex');
    this.#at = end;
    return id;
  }

  /** null: cut off, or above what a number can be. */
  number(): number | null {
    let value = 0;
    for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return null;
      value += (byte % 0x80) * scale;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : null;
    }
    return null;
  }
}
