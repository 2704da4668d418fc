// Which reactor a hub's engine threads run on, and how many threads there are. Pure.

import { UserError } from '../../base/userError.ts';
import type { Io } from '../../engine/messages.ts';
import type { HubOptions } from '../hubOptions.ts';
import { defaultWorkers } from './defaultWorkers.ts';

export interface EngineChoice {
  readonly io: Io;
  /** 0: the front is also the only worker. */
  readonly workers: number;
}

/** Throws UserError when the owner insists on epoll and it is not available. */
export function chooseEngine(
  { io, workers }: Pick<HubOptions, 'io' | 'workers'>,
  { hasEpoll, cores }: { hasEpoll: boolean; cores: number },
): EngineChoice {
  if (io === 'epoll' && !hasEpoll) {
    throw new UserError('epoll is not available on this machine; start with --io net, or without --io');
  }
  // Connections of the net reactor cannot change threads.
  if (io === 'net' || !hasEpoll) return { io: 'net', workers: 0 };
  return { io: 'epoll', workers: workers ?? defaultWorkers(cores) };
}
