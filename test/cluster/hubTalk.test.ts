// Questions between hubs over a real NATS server: whoever answers wrongly, too much, in another's name or not at all keeps nobody waiting, and
// nothing that it says gets through.

import { setTimeout as delay } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import type { HubQuestion } from '../../src/hub/cluster/hubQuestions.ts';
import { HubTalk } from '../../src/hub/cluster/hubTalk.ts';
import type { Asked } from '../../src/hub/cluster/hubWords.ts';
import { PICTURE } from '../../src/limits/cluster.ts';
import { needs } from '../require.ts';
import { eventually } from '../system/harness.ts';
import { Nats } from './natsServers.ts';

const need = needs('nats-server');
const [BERLIN, PARIS, ROME] = ['b'.repeat(16), 'a'.repeat(16), 'c'.repeat(16)];
const EVENT = {
  number: 7,
  at: '2027-01-15T08:00:00.000Z',
  kind: 'warning',
  nodeId: null,
  nodeName: null,
  text: 'it rains',
};

let nats: Nats;
let clusters = 0;
const connections: NatsConnection[] = [];

const connection = async (): Promise<NatsConnection> => {
  const made = await connect({ servers: nats.urls });
  connections.push(made);
  return made;
};

type Speakers = Record<string, { name: string; isLate: boolean }>;

async function hub(
  id: string,
  others: Speakers,
  answer: (asked: Asked) => Promise<unknown> = async () => [EVENT],
) {
  const errors: unknown[] = [];
  const talk = new HubTalk({
    ...{ cluster: `t${clusters}`, hub: id, name: () => id, answer },
    others: () => new Map(Object.entries(others)),
    heardSays: () => {},
    heardUses: () => {},
    askedAll: () => {},
    onError: (error) => errors.push(error),
  });
  const made = await connection();
  talk.connected(made);
  await made.flush();
  return { talk, errors };
}

/** Answers every question with these bodies. */
async function liar(...bodies: unknown[]): Promise<void> {
  const made = await connection();
  made.subscribe(`restunnel.t${clusters}.questions`, {
    callback: (_, message) => {
      for (const body of bodies) message.respond(typeof body === 'string' ? body : JSON.stringify(body));
    },
  });
  await made.flush();
}

const THERE: Speakers = { [PARIS]: { name: 'paris', isLate: false } };

describe.skipIf(need.skip)(`hubs that ask each other ${need.why}`, () => {
  beforeAll(async () => {
    nats = await Nats.start(1);
  }, 90_000);
  afterAll(async () => {
    for (const made of connections) await made.close();
    await nats.stop();
  });

  test('an answer has the name by which the hub is known, and a refusal is no answer', async () => {
    clusters++;
    const { talk } = await hub(BERLIN, THERE);
    await hub(PARIS, {}, async ({ question }) => {
      if (question === 'sessions') throw new UserError('the disk is full');
      return [EVENT];
    });
    const answers = [{ id: PARIS, hub: 'paris', answer: [EVENT] }];
    await eventually(async () => {
      expect(await talk.ask('events', { limit: 5 })).toEqual({ answers, missing: [] });
    });
    expect(await talk.ask('sessions', null)).toEqual({ answers: [], missing: ['paris'] });
  });

  test('strangers, second answers and what is malformed do not count', async () => {
    clusters++;
    const { talk, errors } = await hub(BERLIN, THERE);
    const huge = {
      number: 2 ** 60,
      at: 'now',
      kind: '<b>',
      nodeId: '',
      nodeName: 5,
      text: 'x'.repeat(9_999),
    };
    await liar(
      'no JSON',
      { from: ROME, hub: 'rome', answer: [EVENT] },
      { from: '<b>', answer: [EVENT] },
      { answer: [EVENT] },
      { from: PARIS, answer: [huge, EVENT, null, 5] },
      { from: PARIS, answer: [EVENT, EVENT] },
    );
    const answers = [{ id: PARIS, hub: 'paris', answer: [EVENT] }];
    await eventually(async () => {
      expect(await talk.ask('events', { limit: 5 })).toEqual({ answers, missing: [] });
    });
    expect(errors).toEqual([]);
  });

  test('of a flood of answers so many are read, and the hub that did not get through is named', async () => {
    clusters++;
    const { talk } = await hub(BERLIN, THERE);
    await liar(...Array.from({ length: PICTURE.answersMax + 50 }, () => ({ from: ROME, answer: [] })));
    expect(await talk.ask('events', { limit: 5 })).toEqual({ answers: [], missing: ['paris'] });
  });

  test('a hub that has fallen silent is named, and its answer still counts where another is waited for', async () => {
    clusters++;
    const { talk } = await hub(BERLIN, {
      ...THERE,
      [ROME]: { name: 'rome', isLate: true },
    });
    await hub(PARIS, {});
    const answers = [{ id: PARIS, hub: 'paris', answer: [EVENT] }];
    await eventually(async () => {
      expect(await talk.ask('events', { limit: 5 })).toEqual({ answers, missing: ['rome'] });
    });
  });

  test('a new address is waited for longer, and the first hub that has one ends it', async () => {
    clusters++;
    const { talk } = await hub(BERLIN, { ...THERE, [ROME]: { name: 'rome', isLate: false } });
    const rotated = { nodeId: BERLIN, oldAddress: null, newAddress: '192.0.2.1', tookMs: 5 };
    await hub(PARIS, {}, async () => {
      // Longer than any other question is waited for. Rome never answers.
      await delay(PICTURE.askMs + 500);
      return rotated;
    });
    const { answers } = await talk.ask('rotate', { node: BERLIN });
    expect(answers.map(({ answer }) => answer)).toEqual([rotated]);
  });

  test('a hub that is asked too much at once leaves the rest alone', async () => {
    clusters++;
    let answering = 0;
    let most = 0;
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await hub(PARIS, {}, async () => {
      answering += 1;
      most = Math.max(most, answering);
      await finished;
      answering -= 1;
      return [];
    });
    const made = await connection();
    const question: HubQuestion = 'sessions';
    for (let asked = 0; asked < PICTURE.answeringMax + 50; asked++) {
      const body = JSON.stringify({ from: BERLIN, question, asked: null });
      made.publish(`restunnel.t${clusters}.questions`, body, { reply: 'nowhere' });
    }
    // Another question of the same sender comes behind all of these.
    const { talk } = await hub(BERLIN, { [PARIS]: { name: 'paris', isLate: false } });
    expect((await talk.ask('sessions', null)).missing).toEqual(['paris']);
    expect(most).toBe(PICTURE.answeringMax);
    finish();
  });
});
