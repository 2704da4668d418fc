// Browser sessions without a table of them: a cookie that carries its own seal, and a token that only a page of ours can read. Pure.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DASHBOARD } from '../limits/owner.ts';

export interface BrowserSession {
  readonly id: string;
  /** It gave the password. */
  readonly trusted: boolean;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

const COOKIE = /^([\w-]{43})\.([01])\.(\d{1,12})\.([\w-]{43})$/;

export class BrowserSessions {
  /** Differs from hub to hub: cookies don't know ports, and a machine may have several hubs. */
  readonly cookieName: string;
  readonly #key: Uint8Array;
  /** Ids of sessions that logged out, with when they would have expired. */
  readonly #ended = new LRUCache<string, number>({ max: DASHBOARD.endedSessionsMax });

  /** `key` changes with the password, and every session ends with it. */
  constructor(key: Uint8Array) {
    this.#key = key;
    this.cookieName = `restunnel_${this.#seal('cookie name').slice(0, 8)}`;
  }

  /** `random`: DASHBOARD.secretBytes fresh bytes. */
  make(trusted: boolean, nowMs: number, random: Uint8Array): BrowserSession {
    const id = Buffer.from(random).toString('base64url');
    return { id, trusted, expiresAt: Math.floor((nowMs + DASHBOARD.sessionMs) / 1_000) };
  }

  /** As Set-Cookie has it. Lax would do against forms; Strict also keeps links from elsewhere from counting as the owner's. */
  setCookie(session: BrowserSession): string {
    const { id, trusted, expiresAt } = session;
    const body = `${id}.${trusted ? 1 : 0}.${expiresAt}`;
    const maxAge = Math.floor(DASHBOARD.sessionMs / 1_000);
    return `${this.cookieName}=${body}.${this.#seal(`cookie ${body}`)}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict`;
  }

  clearCookie(): string {
    return `${this.cookieName}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;
  }

  /** From a Cookie header; null when it has none of ours, or none that is valid. */
  read(cookies: string | undefined, nowMs: number): BrowserSession | null {
    for (const pair of (cookies ?? '').split(';')) {
      const [name, value = ''] = pair.trim().split('=', 2);
      if (name !== this.cookieName) continue;
      const match = COOKIE.exec(value);
      if (match === null) continue;
      const [, id, trusted, expiresAt, seal] = match as unknown as [string, string, string, string, string];
      if (!sameText(seal, this.#seal(`cookie ${id}.${trusted}.${expiresAt}`))) continue;
      if (Number(expiresAt) * 1_000 <= nowMs || this.#ended.has(id)) continue;
      return { id, trusted: trusted === '1', expiresAt: Number(expiresAt) };
    }
    return null;
  }

  token({ id }: BrowserSession): string {
    return this.#seal(`token ${id}`);
  }

  holds(session: BrowserSession, token: string | undefined): boolean {
    return token !== undefined && sameText(token, this.token(session));
  }

  /** Ends the session, even for a copy of its cookie. */
  end({ id, expiresAt }: BrowserSession, nowMs: number): void {
    for (const [other, until] of this.#ended) if (until * 1_000 <= nowMs) this.#ended.delete(other);
    this.#ended.set(id, expiresAt);
  }

  #seal(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

/** Whether the texts are the same, in a time that does not tell where they differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
