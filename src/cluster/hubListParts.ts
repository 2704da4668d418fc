// A signed list of hubs in pieces that a CONTROL has room for, and back. Pure.

import { HUB_LIST } from '../limits/cluster.ts';

export interface HubListPart {
  /** The list's own. */
  readonly number: number;
  /** From 0. */
  readonly part: number;
  readonly parts: number;
  /** Of the list in base64url. */
  readonly data: string;
}

export function splitHubList(number: number, signed: Uint8Array): HubListPart[] {
  const text = Buffer.from(signed).toString('base64url');
  const parts = Math.ceil(text.length / HUB_LIST.partChars);
  return Array.from({ length: parts }, (_, part) => {
    const data = text.slice(part * HUB_LIST.partChars, (part + 1) * HUB_LIST.partChars);
    return { number, part, parts, data };
  });
}

/** Puts the parts together as they come from one hub. A part of another list makes those before it void. */
export class HubListParts {
  #number = 0;
  #data: (string | undefined)[] = [];

  /** The signed list once it is complete, else null. Nothing is trusted yet. */
  take({ number, part, parts, data }: HubListPart): Uint8Array | null {
    if (number !== this.#number || parts !== this.#data.length) {
      this.#number = number;
      this.#data = Array.from({ length: parts });
    }
    this.#data[part] = data;
    if (this.#data.includes(undefined)) return null;
    const text = this.#data.join('');
    this.#number = 0;
    this.#data = [];
    return Uint8Array.from(Buffer.from(text, 'base64url'));
  }
}
