// What the control thread and the store's thread say to each other.

import { BusyError, UnwritableError } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import type { KeyStoreName } from '../../noise/keyStores.ts';
import type { StoreJob } from './storeJobs.ts';

/** As in hubState.ts. */
export interface StorePlan {
  readonly dataDir: string;
  readonly acceptLoss: boolean;
  readonly keyStore: KeyStoreName | null;
}

/** `keep`: HubState.keep(); `stop`: close the store and end. */
export type ToStore =
  | {
      readonly type: 'job';
      readonly number: number;
      readonly job: StoreJob;
      readonly input: readonly unknown[];
    }
  | { readonly type: 'keep'; readonly number: number }
  | { readonly type: 'stop' };

export type FromStore =
  | { readonly type: 'opened' }
  | { readonly type: 'trouble'; readonly reason: string }
  | { readonly type: 'notOpened'; readonly error: SentError }
  | {
      readonly type: 'done';
      readonly number: number;
      readonly result: unknown;
      readonly error: SentError | null;
      readonly unwritable: string | null;
    };

/** An error on its way to another thread: a clone of one forgets its class. */
export interface SentError {
  readonly kind: 'busy' | 'unwritable' | 'user' | 'fault';
  readonly message: string;
  readonly exitCode: number;
  readonly stack: string | undefined;
}

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error))
    return { kind: 'fault', message: String(error), exitCode: 1, stack: undefined };
  const { message, stack } = error;
  if (!(error instanceof UserError)) return { kind: 'fault', message, exitCode: 1, stack };
  const kind = error instanceof BusyError ? 'busy' : error instanceof UnwritableError ? 'unwritable' : 'user';
  return { kind, message, exitCode: error.exitCode, stack };
}

export function receivedError({ kind, message, exitCode, stack }: SentError): Error {
  switch (kind) {
    case 'busy':
      return new BusyError(message, exitCode);
    case 'unwritable':
      return new UnwritableError(message, exitCode);
    case 'user':
      return new UserError(message, exitCode);
    case 'fault': {
      const error = new Error(message);
      if (stack !== undefined) error.stack = stack;
      return error;
    }
  }
}
