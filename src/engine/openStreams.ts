// The open streams of a worker's tunnels, as the owner sees them.

import { STREAM } from '../tunnel/streams.ts';
import { CLIENT_KIND } from './clientReplies.ts';
import type { HubTunnel } from './hubTunnel.ts';
import type { ListedStream } from './messages.ts';

const KINDS: Readonly<Record<number, ListedStream['kind']>> = {
  [CLIENT_KIND.socks]: 'socks',
  [CLIENT_KIND.socks4]: 'socks',
  [CLIENT_KIND.socksUdp]: 'udp',
  [CLIENT_KIND.httpConnect]: 'httpConnect',
  [CLIENT_KIND.httpForward]: 'httpForward',
};

/** At most `max`, tunnel by tunnel, without streams whose client has left. */
export function listStreams(tunnels: Iterable<HubTunnel>, max: number, nowMs: number): ListedStream[] {
  const listed: ListedStream[] = [];
  for (const tunnel of tunnels) {
    for (let slot = 0; slot < tunnel.capacity; slot++) {
      if (listed.length >= max) return listed;
      const kind = KINDS[tunnel.kindOf(slot)];
      if (tunnel.connOf(slot) === 0 || kind === undefined) continue;
      const target = tunnel.targets.get(slot);
      listed.push({
        index: tunnel.index,
        kind,
        host: target?.host ?? '',
        port: target?.port ?? 0,
        state: stateOf(tunnel.session.streams.flags[slot]!),
        ageMs: tunnel.ageMs(slot, nowMs),
      });
    }
  }
  return listed;
}

function stateOf(flags: number): ListedStream['state'] {
  if ((flags & STREAM.OPENING) !== 0) return 'opening';
  return (flags & (STREAM.ENDED_HERE | STREAM.ENDED_THERE)) === 0 ? 'open' : 'halfClosed';
}
