// What the API's routes have in common: what they get, and how they describe themselves. Used by the api*.ts files.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OpenAPIHono, z } from '@hono/zod-openapi';
import type { Session, Sessions } from '../dashboard/browserSessions.ts';
import type { Password } from '../dashboard/password.ts';
import type { Remotes } from '../dashboard/remotes.ts';
import type { OwnUser } from '../hub/access/proxyUsers.ts';
import type { Fleet } from '../model/fleet.ts';
import type { Live } from './liveChannel.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { problem } from './schemas.ts';

/** What server.ts hands to every request. */
export interface ApiBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly session: Session | null;
}

export type Api = OpenAPIHono<{ Bindings: ApiBindings }>;

export interface ApiParts {
  readonly fleet: Fleet;
  readonly live: Live;
  readonly sessions: Sessions;
  readonly password: Password | null;
  readonly remotes: Remotes;
  readonly ownUser: OwnUser;
  /** Hears of errors that are nobody's to mend. */
  readonly onFault: (error: unknown) => void;
}

/** Every answer that is none. */
export const refusals = {
  default: {
    description: 'Why not, in a sentence.',
    content: { [PROBLEM_TYPE]: { schema: problem } },
  },
} as const;

export function json<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } } as const;
}

/** A body that has to be there. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}
