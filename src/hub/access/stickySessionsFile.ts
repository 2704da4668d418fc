// Sticky sessions across restarts (--persist-sessions): <data-dir>/sessions.json, written once a minute and at the end, read at the start.
// Used by hub.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomicFile.ts';
import type { FromFront, ToFront } from '../../engine/messages.ts';
import { ROUTING } from '../../limits/bounds.ts';
import type { StoredStickySession } from '../../routing/stickySessions.ts';

const KEPT = z.object({
  /** When it was written: sessions grew older since. */
  atMs: z.number(),
  sessions: z
    .array(
      z.object({
        key: z.string().max(ROUTING.usernameMaxChars),
        nodeId: z.string().max(ROUTING.nameMaxChars),
        ttlMs: z.number().min(ROUTING.sessionTtlMinMs).max(ROUTING.sessionTtlMaxMs),
        strict: z.boolean(),
        unusedMs: z.number().min(0),
      }),
    )
    .max(ROUTING.sessionsMax),
});

export class SessionsFile {
  readonly #path: string;
  readonly #toFront: (message: ToFront) => void;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #query = 0;
  #pieces: StoredStickySession[] = [];
  #arrived: ((whole: boolean) => void) | null = null;
  #saving: Promise<void> | null = null;

  constructor(dataDir: string, toFront: (message: ToFront) => void, log: Logger) {
    this.#path = join(dataDir, 'sessions.json');
    this.#toFront = toFront;
    this.#log = log;
  }

  /** Gives the front what an earlier hub has kept. A file that cannot be read costs the sessions, not the start. */
  start(nowMs: number): void {
    try {
      const { atMs, sessions } = KEPT.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      const downMs = Math.max(0, nowMs - atMs);
      const restored = sessions.map((session) => ({ ...session, unusedMs: session.unusedMs + downMs }));
      this.#toFront({ type: 'restoreSessions', sessions: restored });
      this.#log.info({ sessions: restored.length }, 'sticky sessions restored');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.warn({ err: error }, `${this.#path} cannot be read: sticky sessions begin anew`);
      }
    }
    this.#timer = setInterval(() => void this.save(), ROUTING.sessionsSaveEveryMs).unref();
  }

  /** Resolves when the file is written, or cannot be; one that is under way already counts. */
  save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  }

  async #save(): Promise<void> {
    const whole = await new Promise<boolean>((resolve) => {
      this.#arrived = resolve;
      this.#pieces = [];
      this.#toFront({ type: 'keepSessions', query: ++this.#query });
    });
    if (!whole) return;
    try {
      const text = JSON.stringify({ atMs: Date.now(), sessions: this.#pieces });
      await writeFileAtomic(this.#path, `${text}\n`, 0o600);
    } catch (error) {
      this.#log.warn({ err: error }, 'sticky sessions could not be kept');
    }
    this.#pieces = [];
  }

  hear({ query, sessions, done }: Extract<FromFront, { type: 'sessions' }>): void {
    if (query !== this.#query) return;
    this.#pieces.push(...sessions);
    if (done) this.#arrived?.(true);
  }

  /** The front has ended, or will: nothing comes any more. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#arrived?.(false);
  }
}
