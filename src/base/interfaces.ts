// This machine's network interfaces. Some sandboxes let nobody list them, and Node throws there.

import { networkInterfaces } from 'node:os';

type Interfaces = ReturnType<typeof networkInterfaces>;

/** None where they cannot be listed. */
export function listedInterfaces(list: () => Interfaces = networkInterfaces): Interfaces {
  try {
    return list();
  } catch {
    return {};
  }
}
