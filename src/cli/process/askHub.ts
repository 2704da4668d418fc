// Asks the hub that runs in the data directory, for the commands that make no sense without one.

import { UserError } from '../../base/userError.ts';
import { callControl, NOT_RUNNING } from '../../hub/serve/controlSocket.ts';

export class NotRunning extends UserError {
  constructor(dataDir: string) {
    super(`no hub is running with ${dataDir}; start it with: restunnel hub`);
  }
}

/** The answer is what ownerCommands.ts says; `timeoutMs` for what takes its time. Rejects with NotRunning, or with UserError for what the hub refuses. */
export async function askHub<T>(
  dataDir: string,
  command: string,
  body: object = {},
  timeoutMs?: number,
): Promise<T> {
  const answer = await callControl(dataDir, command, body, timeoutMs);
  if (answer === NOT_RUNNING) throw new NotRunning(dataDir);
  return answer as T;
}
