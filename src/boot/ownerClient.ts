// The typed client of the owner API, for commands: asks the hub that runs in a data directory or, where that makes sense, does what it
// would do while none runs.

import { type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientResponse, hc } from 'hono/client';
import { MISSING_HUBS } from '../api/eventPages.ts';
import type { OwnerApi } from '../api/ownerApi.ts';
import { connectOwner } from '../api/ownerConnection.ts';
import { OTHER_VERSION } from '../api/ownerServer.ts';
import { NOTHING_HERE } from '../api/problem.ts';
import { BusyError } from '../base/sqliteFile.ts';
import { UserError } from '../base/userError.ts';
import { HubNotRunning } from '../hub/fleet/hubNotRunning.ts';
import { CONTROL } from '../limits/owner.ts';
import type { EventPage } from '../model/fleet.ts';
import type { StoredHub } from './storedHub.ts';

export type OwnerClient = ReturnType<typeof hc<OwnerApi>>['api']['v1'];

/** A client of the running hub alone: its requests reject with HubNotRunning while there is none. */
export function runningHub(dataDir: string): OwnerClient {
  return clientOf(async (asked) => {
    const response = await askSocket(dataDir, asked);
    if (response === null) throw new HubNotRunning(dataDir);
    return response;
  });
}

/** `work` with a client of the hub, running or not. The store of one that does not run stays open and locked meanwhile. */
export async function withHubOrStore<T>(dataDir: string, work: (hub: HubOrStore) => Promise<T>): Promise<T> {
  const hub = new HubOrStore(dataDir);
  try {
    return await work(hub);
  } finally {
    await hub.close();
  }
}

export class HubOrStore {
  readonly api: OwnerClient;
  readonly #dataDir: string;
  readonly #lockWaitMs: number;
  #stored: StoredHub | null = null;

  /** `lockWaitMs`: shorter in tests. */
  constructor(dataDir: string, { lockWaitMs = CONTROL.lockWaitMs as number } = {}) {
    this.#dataDir = dataDir;
    this.#lockWaitMs = lockWaitMs;
    this.api = clientOf((asked) => this.#ask(asked));
  }

  /** Whether the hub itself has answered everything so far. */
  get isRunning(): boolean {
    return this.#stored === null;
  }

  async #ask(asked: Asked): Promise<Response> {
    const untilMs = performance.now() + this.#lockWaitMs;
    for (;;) {
      const response = this.#stored === null ? await askSocket(this.#dataDir, asked) : null;
      if (response !== null) return response;
      const why = await this.#openStored();
      if (this.#stored !== null) return this.#stored.answer(new Request(asked.url, asked.init));
      // A hub that starts, or that makes its socket again, will answer in a moment, and another command will be done.
      if (performance.now() > untilMs) throw why;
      await delay(CONTROL.lockRetryMs);
    }
  }

  /** Why it is not open afterwards. */
  async #openStored(): Promise<UserError> {
    const { openStoredHub } = await import('./storedHub.ts');
    try {
      this.#stored ??= await openStoredHub(this.#dataDir);
    } catch (error) {
      if (error instanceof BusyError) return error;
      throw error;
    }
    return isSilent(this.#dataDir);
  }

  /** Rejects with UserError when the disk does not take what happened. */
  async close(): Promise<void> {
    const stored = this.#stored;
    this.#stored = null;
    await stored?.close();
  }
}

/** What was asked for, or the refusal's sentence and exit code as a UserError. */
export async function answerOf<R extends ClientResponse<unknown>>(asking: Promise<R>): Promise<Answered<R>> {
  const response = await asking;
  const answer = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer as Answered<R>;
  throw refusalOf(answer, response.status);
}

type Answered<R> = R extends ClientResponse<infer T, 200, 'json'> ? Parsed<T> : never;

/** JSON knows no undefined: a property has a value or is absent. */
type Parsed<T> = T extends object ? { [K in keyof T]: Parsed<Exclude<T[K], undefined>> } : T;

/** The same of a page of events, with where its links lead. */
export async function eventsOf(asking: ReturnType<OwnerClient['events']['$get']>): Promise<EventPage> {
  const response = await asking;
  const events = await answerOf(Promise.resolve(response));
  const missing = response.headers.get(MISSING_HUBS);
  return {
    events,
    older: cursorOf(response.headers, 'next'),
    newer: cursorOf(response.headers, 'prev'),
    missingHubs: missing === null ? [] : missing.split(',').map(decodeURIComponent),
  };
}

function cursorOf(headers: Headers, rel: string): string | null {
  const link = new RegExp(`<([^>]*)>; rel="${rel}"`).exec(headers.get('Link') ?? '');
  return link === null ? null : new URL(link[1]!, 'http://hub').searchParams.get('cursor');
}

/** A node's id or name as a part of a path. */
export function inPath(name: string): string {
  // A URL drops these parts, however they are escaped.
  if (name === '' || name === '.' || name === '..') {
    throw new UserError(`${JSON.stringify(name)} cannot be a name; give an id`);
  }
  return encodeURIComponent(name);
}

// --- How a request gets there ------------------------------------------------------------------------------------------------------------

interface Asked {
  readonly url: string;
  readonly init: RequestInit;
}

function clientOf(ask: (asked: Asked) => Promise<Response>): OwnerClient {
  // Only the path counts: there is one hub behind the socket.
  const client = hc<OwnerApi>('http://hub', {
    fetch: (url: string | Request | URL, init: RequestInit = {}) => ask({ url: String(url), init }),
  });
  return client.api.v1;
}

/** null: no hub listens. Rejects with UserError when there is one and it cannot be asked. */
async function askSocket(dataDir: string, { url, init }: Asked): Promise<Response | null> {
  const signal = init.signal ?? AbortSignal.timeout(CONTROL.requestTimeoutMs);
  const socket = await connectOwner(dataDir, signal).catch((error: unknown) => {
    throw cannotAsk(dataDir, error);
  });
  if (socket === null) return null;
  const { pathname, search } = new URL(url);
  const body = typeof init.body === 'string' ? Buffer.from(init.body) : null;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        createConnection: () => socket,
        path: pathname + search,
        method: init.method ?? 'GET',
        headers: body === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': body.length },
        signal,
      },
      (incoming) => {
        readAll(incoming).then(
          (bytes) =>
            resolve(new Response(bytes, { status: incoming.statusCode ?? 500, headers: shown(incoming) })),
          (error: unknown) => reject(cannotAsk(dataDir, error)),
        );
      },
    );
    outgoing.on('error', (error) => reject(cannotAsk(dataDir, error)));
    outgoing.end(body ?? undefined);
  });
}

/** What a client of the API reads of the headers. */
function shown({ headers }: IncomingMessage): Headers {
  const found = new Headers();
  for (const name of ['Link', MISSING_HUBS]) {
    const value = headers[name.toLowerCase()];
    if (typeof value === 'string') found.set(name, value);
  }
  return found;
}

async function readAll(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > CONTROL.responseBodyMaxBytes) {
      throw new UserError(`the hub's answer is longer than ${CONTROL.responseBodyMaxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** A hub of before there was an API says `error`, and that it does not know the command. */
function refusalOf(answer: unknown, status: number): UserError {
  const { detail, error, exitCode } = Object(answer) as {
    detail?: unknown;
    error?: unknown;
    exitCode?: unknown;
  };
  const sentence = detail ?? error;
  if (typeof sentence !== 'string') {
    return new UserError(
      `the running hub gave an answer of an unknown kind (${status}); does it run another version?`,
    );
  }
  if (sentence === NOTHING_HERE) return new UserError(OTHER_VERSION);
  return new UserError(sentence, typeof exitCode === 'number' ? exitCode : 1);
}

function cannotAsk(dataDir: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const { name, code, message } = error as NodeJS.ErrnoException;
  const why = name === 'AbortError' || name === 'TimeoutError' ? 'no answer in time' : (code ?? message);
  return new UserError(`cannot reach the hub in ${dataDir}: ${why}`);
}

function isSilent(dataDir: string): UserError {
  return new UserError(
    `a hub holds ${dataDir} but does not answer: it is starting or stopping, or it hangs; try again in a moment`,
  );
}
