// A fleet whose nodes leave and return all the time, and sticky sessions that each belong to one of them: sends requests and checks every
// answer against what the session was promised.

import { askOnce, SocksRefusal } from '../../bench/fleet/ask.ts';
import type { LightNode } from '../../bench/fleet/lightNode.ts';
import type { Hub } from './harness.ts';

export interface StormOutcome {
  readonly asked: number;
  /** Answers of the node that the session had before. */
  readonly kept: number;
  /** Soft sessions that another node serves since theirs was away. */
  readonly moved: number;
  /** Requests of strict sessions that were refused while their node was away. */
  readonly refused: number;
  readonly departures: number;
  /** Each a promise that was not kept. */
  readonly broken: readonly string[];
}

interface Session {
  readonly name: string;
  readonly strict: boolean;
  /** Who served it last, and how often that node had left by then. */
  node: LightNode | null;
  departures: number;
}

/** `random`: evenly from [0, 1). Every session asks `rounds` times, so many at once. */
export async function storm(options: {
  hub: Hub;
  nodes: readonly LightNode[];
  sessions: number;
  rounds: number;
  atOnce: number;
  /** Of all nodes, how large a share is away at a time. */
  awayShare: number;
  random: () => number;
}): Promise<StormOutcome> {
  const { hub, nodes, rounds, atOnce, random } = options;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const left = new Map(nodes.map((node) => [node, 0]));
  const outcome = { asked: 0, kept: 0, moved: 0, refused: 0, departures: 0, broken: [] as string[] };
  const sessions = Array.from(
    { length: options.sessions },
    (_, at): Session => ({ name: `s${at}`, strict: at % 2 === 1, node: null, departures: 0 }),
  );

  async function ask(session: Session): Promise<void> {
    outcome.asked++;
    const { name, strict, node: before } = session;
    // Away at any moment of the request, or since the last one: a promise may be broken for that reason alone.
    const wasHere = before?.connected === true && left.get(before) === session.departures;
    let id: string;
    try {
      id = await askOnce(hub, `x-session-${name}${strict ? '-strict' : ''}`);
    } catch (error) {
      const stillHere = wasHere && left.get(before) === session.departures;
      const isTold = error instanceof SocksRefusal || before === null || !stillHere;
      if (!strict && stillHere) outcome.broken.push(`${name}: its node was there, but: ${error}`);
      else if (strict && stillHere)
        outcome.broken.push(`${name} (strict): its node was there, but: ${error}`);
      else if (!isTold) outcome.broken.push(`${name}: failed without a word: ${error}`);
      else outcome.refused++;
      return;
    }
    const node = byId.get(id);
    if (node === undefined) {
      outcome.broken.push(`${name} was answered by ${JSON.stringify(id)}`);
      return;
    }
    if (before === null || node === before) {
      if (before !== null) outcome.kept++;
    } else if (strict) {
      outcome.broken.push(`${name} (strict) went from ${before.name} to ${node.name}`);
    } else if (wasHere && left.get(before) === session.departures) {
      outcome.broken.push(`${name} went from ${before.name}, which was there, to ${node.name}`);
    } else outcome.moved++;
    session.node = node;
    session.departures = left.get(node)!;
  }

  let asking = true;
  async function churn(): Promise<void> {
    const away: LightNode[] = [];
    while (asking) {
      const node = nodes[Math.floor(random() * nodes.length)]!;
      if (node.connected) {
        left.set(node, left.get(node)! + 1);
        outcome.departures++;
        node.vanish();
        away.push(node);
      }
      if (away.length > options.awayShare * nodes.length) await away.shift()!.connect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(away.map((node) => node.connect()));
  }

  const churning = churn();
  try {
    for (let round = 0; round < rounds; round++) {
      const waiting = shuffled(sessions, random);
      const worker = async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await ask(next);
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    }
  } finally {
    asking = false;
    await churning;
  }
  return outcome;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other]!, result[at]!];
  }
  return result;
}
