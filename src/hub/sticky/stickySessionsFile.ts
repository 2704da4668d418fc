// Sticky sessions across restarts (--persist-sessions): <data-dir>/sessions.json, read at the start, written once a minute and at the end.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomicFile.ts';
import { ROUTING } from '../../limits/routing.ts';
import type { StickySessionClient } from './stickySessionClient.ts';

const KEPT = z.object({
  /** When it was written: the sessions have aged since. */
  atMs: z.number(),
  sessions: z
    .array(
      z.object({
        key: z.string().max(ROUTING.usernameMaxChars),
        nodeId: z.string().max(ROUTING.nameMaxChars),
        ttlMs: z.number().min(ROUTING.stickySessionTtlMinMs).max(ROUTING.stickySessionTtlMaxMs),
        strict: z.boolean(),
        unusedMs: z.number().min(0),
      }),
    )
    .max(ROUTING.stickySessionsMax),
});

export class StickySessionsFile {
  readonly #path: string;
  readonly #client: Pick<StickySessionClient, 'ask' | 'restore'>;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #saving: Promise<void> | null = null;
  #closed = false;

  constructor(dataDir: string, client: Pick<StickySessionClient, 'ask' | 'restore'>, log: Logger) {
    this.#path = join(dataDir, 'sessions.json');
    this.#client = client;
    this.#log = log;
  }

  /** Gives the front what an earlier hub kept. If the file cannot be read, the hub starts without them. */
  start(nowMs: number): void {
    try {
      const { atMs, sessions } = KEPT.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      const downMs = Math.max(0, nowMs - atMs);
      const restored = sessions.map((session) => ({ ...session, unusedMs: session.unusedMs + downMs }));
      this.#client.restore(restored);
      this.#log.info({ sessions: restored.length }, 'sticky sessions restored');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.warn({ err: error }, `${this.#path} cannot be read: sticky sessions begin anew`);
      }
    }
    this.#timer = setInterval(() => void this.save(), ROUTING.stickySessionsSaveEveryMs).unref();
  }

  /** Resolves when the file is written, or cannot be. Joins a save that is under way. */
  save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  }

  async #save(): Promise<void> {
    try {
      const sessions = await this.#client.ask({ what: 'all' }, ROUTING.stickySessionsSaveTimeoutMs);
      await writeFileAtomic(this.#path, `${JSON.stringify({ atMs: Date.now(), sessions })}\n`, 0o600);
    } catch (error) {
      if (!this.#closed) this.#log.warn({ err: error }, 'could not save the sticky sessions');
    }
  }

  /** Nothing more is written, apart from a save under way. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
