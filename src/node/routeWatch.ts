// From which of our addresses the system would reach each hub: when that changes, so has the network under a session, even if its own
// address stays (a phone that leaves its WiFi's range, a VPN that comes up). Asking costs a UDP socket that sends nothing, on any system.

import { IpAddress } from '../base/ipAddress.ts';

/** A lane, as far as it matters here. */
export interface Way {
  /** IP literals of the hub; empty while they are not known. */
  readonly addresses: readonly string[];
  /** Of our end of the session; '' without one. */
  readonly localAddress: string;
}

type Family = 4 | 6;

interface Route {
  readonly destination: IpAddress;
  /** '' where there was no route. */
  readonly source: string;
}

/** Of global unicast: nothing is sent there. */
const ANYWHERE: Readonly<Record<Family, IpAddress>> = {
  4: IpAddress.of('192.0.2.1'),
  6: IpAddress.of('2000::'),
};

export class RouteWatch<T extends Way> {
  readonly #sourceFor: (destination: IpAddress) => Promise<IpAddress | null>;
  readonly #known = new Map<T, Map<Family, Route>>();

  /** @param sourceFor the address of ours from which the system would reach another; null: from none. Never rejects. */
  constructor(sourceFor: (destination: IpAddress) => Promise<IpAddress | null>) {
    this.#sourceFor = sourceFor;
  }

  /** Those that have a route other than at the last look: of their session's family, or of either while there is none. */
  async changed(ways: readonly T[]): Promise<T[]> {
    const changed: T[] = [];
    for (const way of ways) if (await this.#hasChanged(way)) changed.push(way);
    return changed;
  }

  async #hasChanged(way: T): Promise<boolean> {
    const known = this.#known.get(way) ?? new Map<Family, Route>();
    this.#known.set(way, known);
    const own = IpAddress.parse(way.localAddress);
    let hasChanged = false;
    for (const family of own === null ? ([4, 6] as const) : [own.family]) {
      const destination = destinationOf(way, family);
      if (destination === null) continue;
      const source = String((await this.#sourceFor(destination)) ?? '');
      const last = known.get(family);
      known.set(family, { destination, source });
      // At the first look, a session has been dialled from what was the source then.
      const first = own === null ? source : String(own);
      const before = last?.destination.equals(destination) ? last.source : first;
      if (source !== '' && source !== before) hasChanged = true;
    }
    return hasChanged;
  }
}

/** null: the hub has no address of the family. */
function destinationOf({ addresses }: Way, family: Family): IpAddress | null {
  if (addresses.length === 0) return ANYWHERE[family];
  for (const literal of addresses) {
    const address = IpAddress.parse(literal);
    if (address?.family === family) return address;
  }
  return null;
}

/** Whether this device slept, or this process stood still, since the last look: its sessions may be long gone at the other end. Pure. */
export class SleepWatch {
  readonly #sleptMs: number;
  #last: { wallMs: number; runMs: number };

  /** `sleptMs`: more than ever passes between two looks. */
  constructor(sleptMs: number, wallMs: number, runMs: number) {
    this.#sleptMs = sleptMs;
    this.#last = { wallMs, runMs };
  }

  /** The one clock does not stand still in a sleep, the other cannot be set: on some systems. */
  look(wallMs: number, runMs: number): boolean {
    const passedMs = Math.max(wallMs - this.#last.wallMs, runMs - this.#last.runMs);
    this.#last = { wallMs, runMs };
    return passedMs >= this.#sleptMs;
  }
}
