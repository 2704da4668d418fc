// What cannot be had while no hub runs.

import { UserError } from '../../base/userError.ts';

export class HubNotRunning extends UserError {
  constructor(dataDir: string) {
    super(`no hub is running with ${dataDir}; start it with: restunnel hub`);
  }
}
