// Every system call of an association fails once, one run for each: its client is answered or ended, datagrams at most are lost, nothing
// is left behind, and the next association works.

import { describe, expect, test } from 'vitest';
import { type Failure, type Kind, Plan, UDP_KINDS, WAYS } from './failingReactor.ts';
import { PATIENCE_MS, Rig } from './rig.ts';
import { Client, ORIGIN_PORT, Talker } from './udpClients.ts';

const SECOND_MS = 1_000;
/** Including those of the client's own connection. */
const TRIED: readonly Kind[] = [...UDP_KINDS, 'read', 'write', 'adopt', 'detach'];

/** How often each kind was called, and how many datagrams had to be sent again. Throws what went wrong. */
function play(failure: Failure | null, rings: boolean): { counts: Record<Kind, number>; lost: number } {
  const plan = new Plan(failure);
  const rig = new Rig(plan, rings);
  const { net } = rig;
  new Talker(net, ORIGIN_PORT, true);
  const sockets = net.udp.count;
  const until = (what: string, done: () => boolean) => {
    if (!net.runUntil(done, net.nowMs + PATIENCE_MS))
      throw new Error(`never: ${what} ${JSON.stringify(rig.leftOvers())}`);
  };
  let lost = 0;
  /** Whether the client got an answer, as long as it has an association. */
  const ping = (client: Client, to?: string) => {
    const heard = client.udp.heard.length;
    for (let tries = 0; tries < 4 && !client.over; tries++) {
      client.send('ping', to);
      if (net.runUntil(() => client.udp.heard.length > heard, net.nowMs + SECOND_MS)) return true;
      lost++;
    }
    if (!client.over) throw new Error('an association that carries nothing any more');
    return false;
  };
  const use = () => {
    const client = new Client(net);
    until('an answer', () => client.heard.length >= 10 || client.over);
    const works = client.reply === 0 && ping(client) && ping(client, 'target.test') && ping(client);
    client.end();
    return works;
  };
  const clear = () =>
    Object.values(rig.leftOvers()).every((left) => left === 0) &&
    rig.exit.udp.count === 0 &&
    net.udp.count === sockets;
  until('a session', () => rig.up > 0);
  use();
  until('nothing left', () => clear() && rig.up === 1);
  for (let tries = 1; !use(); tries++) {
    if (tries === 3) throw new Error('no association works any more');
    until('a session', () => rig.up > 0);
  }
  until('nothing left again', () => clear() && rig.up === 1);
  rig.stop();
  net.runUntil(() => net.connections === 0, net.nowMs + PATIENCE_MS);
  expect({ connections: net.describe(), faults: net.faults }).toEqual({ connections: [], faults: [] });
  return { counts: plan.counts, lost };
}

describe.each([
  ['front and worker in one thread', false],
  ['front and worker joined by rings', true],
] as const)('%s', (_name, rings) => {
  test('without a failure nothing is lost, the same way each time', () => {
    const first = play(null, rings);
    expect(first.lost).toBe(0);
    expect(play(null, rings)).toEqual(first);
    for (const kind of UDP_KINDS) expect([kind, first.counts[kind] > 2]).toEqual([kind, true]);
  });

  const { counts } = play(null, rings);
  const ways = TRIED.flatMap((kind) => WAYS[kind].map((way) => [kind, way] as const));
  test.each(ways.filter(([kind]) => counts[kind] > 0))('%s fails: %s', (kind, way) => {
    for (let call = 1; call <= counts[kind]; call++) {
      try {
        play({ kind, call, way }, rings);
      } catch (error) {
        throw new Error(`${kind} ${call} of ${counts[kind]}, ${way}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
  });
});
