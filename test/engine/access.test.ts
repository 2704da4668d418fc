// How the front checks users: questions to control, their answers, and what it remembers.

import { describe, expect, test } from 'vitest';
import {
  Access,
  ASKED,
  isRefusal,
  type KnownUser,
  loginSource,
  type UserCheck,
} from '../../src/engine/access.ts';
import { ACCESS } from '../../src/limits/clients.ts';
import { CandidateSet } from '../../src/routing/candidateSet.ts';
import type { RoutingRequest } from '../../src/routing/request.ts';

const ALICE: KnownUser = { name: 'alice', tags: ['lte'], streamsMax: 3 };

interface Asked {
  readonly query: number;
  readonly name: string;
  readonly password: string;
}

function setUp(required: boolean) {
  const asked: Asked[] = [];
  const timeouts: (() => void)[] = [];
  const timers = { set: (_ms: number, run: () => void) => timeouts.push(run), clear: () => {} };
  const strays: string[] = [];
  const sources: string[] = [];
  const access = new Access({
    ask: (query, name, password, source) => {
      asked.push({ query, name, password });
      sources.push(source);
    },
    tellStray: (username) => strays.push(username),
    addressOf: (conn) => `192.0.2.${conn}`,
    timers,
  });
  access.usersChanged(required);
  const answers: UserCheck[] = [];
  const check = (user?: string, password?: string, conn = 1) =>
    access.checkUser(user, password, conn, (answer) => answers.push(answer));
  return { access, asked, answers, check, sources, strays, timeouts };
}

describe('without users', () => {
  test('any name is a routing request, and control is not asked', () => {
    const { check, asked } = setUp(false);
    expect(check()).toMatchObject({ user: '', terms: [] });
    expect(check('me-country-de', 'anything')).toMatchObject({
      terms: ['country:de'],
      allowedTags: null,
      streamsMax: null,
    });
    expect(check('me-country-deu', '')).toMatchObject({ failure: 'badUsername' });
    expect(asked).toEqual([]);
  });

  test('a name that is no route asks for nothing, and the log names the first few', () => {
    const { access, check, strays } = setUp(false);
    for (const name of ['www-data', 'me-land-de', 'me-', '-', 'www-data']) {
      expect(check(name)).toMatchObject({ user: '', terms: [], sticky: null });
    }
    expect(strays).toEqual(['www-data', 'me-land-de', 'me-', '-']);
    for (let at = 0; at < 2 * ACCESS.strayNamesMax; at++) check(`me-${at}`);
    expect(strays).toHaveLength(ACCESS.strayNamesMax);
    for (const name of ['www-data-node-', 'me-land-de-tag-a.b', 'me-strict'])
      expect(check(name)).toMatchObject({ failure: 'badUsername' });
    access.usersChanged(true);
    expect(check('www-data', 'x')).toMatchObject({ failure: 'badUsername' });
  });
});

describe('with users', () => {
  test('a client without a name or a password is refused at once', () => {
    const { check, asked } = setUp(true);
    for (const answer of [check(), check('alice'), check('-node-a', 'x'), check('', 'x')]) {
      expect(answer).toMatchObject({ failure: 'authRequired' });
    }
    expect(asked).toEqual([]);
  });

  test('a right password is checked once, whatever its user asks for', () => {
    const { access, check, asked, answers } = setUp(true);
    expect(check('alice-country-de', 'right')).toBe(ASKED);
    expect(asked).toEqual([{ query: 1, name: 'alice', password: 'right' }]);
    access.answer(1, ALICE);
    expect(answers).toMatchObject([{ terms: ['country:de'], allowedTags: ['lte'], streamsMax: 3 }]);
    expect(check('alice-session-a', 'right')).toMatchObject({
      allowedTags: ['lte'],
      sticky: { key: 'alice-a' },
    });
    expect(asked).toHaveLength(1);
  });

  test('a wrong password is checked again, and does not profit from the right one', () => {
    const { access, check, asked, answers } = setUp(true);
    check('alice', 'right');
    access.answer(1, ALICE);
    expect(check('alice', 'wrong')).toBe(ASKED);
    access.answer(2, null);
    expect(answers[1]).toMatchObject({ failure: 'authRequired', detail: 'these are not right' });
    expect(check('alice', 'wrong')).toBe(ASKED);
    expect(check('aliceright', '')).toBe(ASKED);
    expect(asked.map(({ query }) => query)).toEqual([1, 2, 3, 4]);
  });

  test('after a change of users all passwords are checked anew, and old limits are gone', () => {
    const { access, check, asked } = setUp(true);
    check('alice', 'right');
    access.answer(1, ALICE);
    access.usersChanged(true);
    expect(check('alice', 'right')).toBe(ASKED);
    access.answer(2, { ...ALICE, tags: null, streamsMax: null });
    expect(check('alice', 'right')).toMatchObject({ allowedTags: null, streamsMax: null });
    check('alice', 'right');
    expect(asked).toHaveLength(2);
    access.usersChanged(false);
    expect(check('alice', 'whatever')).toMatchObject({ allowedTags: null });
  });

  test('a hub of a cluster lets its users have their share of streams, without asking again', () => {
    const { access, check, asked } = setUp(true);
    check('alice', 'right');
    access.answer(1, ALICE);
    access.shareStreams(new Map([['alice', 1]]));
    expect(check('alice', 'right')).toMatchObject({ streamsMax: 1 });
    access.shareStreams(new Map([['alice', 7]]));
    expect(check('alice', 'right')).toMatchObject({ streamsMax: 3 });
    access.shareStreams(new Map());
    expect(check('alice', 'right')).toMatchObject({ streamsMax: 3 });
    expect(asked).toHaveLength(1);
  });

  test('new tags of a user drop the candidates of the old ones', () => {
    const { access, check, answers } = setUp(true);
    check('alice', 'right');
    access.answer(1, ALICE);
    const request = answers[0] as RoutingRequest;
    request.candidates = new CandidateSet([], ['tag:lte']);
    expect(check('alice', 'right')).toBe(request);
    expect(request.candidates).not.toBeNull();
    access.usersChanged(true);
    check('alice', 'right');
    access.answer(2, { ...ALICE, tags: ['home'] });
    expect(request).toMatchObject({ allowedTags: ['home'], candidates: null });
  });

  test('an answer from before a change admits its client, but is not remembered', () => {
    const { access, check, answers } = setUp(true);
    check('alice', 'old');
    access.usersChanged(true);
    access.answer(1, ALICE);
    expect(answers).toHaveLength(1);
    expect(check('alice', 'old')).toBe(ASKED);
  });

  test('a client whose password is not checked in time is turned away, and asked about again later', () => {
    const { access, check, answers, timeouts } = setUp(true);
    check('alice', 'right');
    timeouts[0]?.();
    expect(answers).toMatchObject([{ failure: 'hubBusy' }]);
    access.answer(1, ALICE);
    expect(answers).toHaveLength(1);
    expect(check('alice', 'right')).toBe(ASKED);
  });

  test('questions are bounded, stray answers are ignored, and answered questions make room', () => {
    const { access, check, answers } = setUp(true);
    for (let at = 0; at < ACCESS.questionsMax; at++) {
      const conn = 1 + Math.floor(at / ACCESS.sourceQuestionsMax);
      expect(check(`user${at}`, 'x', conn)).toBe(ASKED);
    }
    const more = check('one_more', 'x', 9);
    expect(more !== ASKED && isRefusal(more) && more.failure).toBe('hubBusy');
    access.answer(ACCESS.questionsMax + 7, ALICE);
    expect(answers).toEqual([]);
    access.answer(1, null);
    access.answer(1, ALICE);
    expect(answers).toHaveLength(1);
    expect(check('one_more', 'x')).toBe(ASKED);
  });

  test('one source cannot take all questions, and control hears whose each is', () => {
    const { access, check, sources } = setUp(true);
    for (let at = 0; at < ACCESS.sourceQuestionsMax; at++) expect(check(`user${at}`, 'x')).toBe(ASKED);
    const more = check('one_more', 'x');
    expect(more !== ASKED && isRefusal(more) && more.failure).toBe('hubBusy');
    expect(check('alice', 'x', 2)).toBe(ASKED);
    expect(sources.slice(-2)).toEqual(['192.0.2.1', '192.0.2.2']);
    access.answer(1, null);
    expect(check('one_more', 'x')).toBe(ASKED);
  });
});

test('a source is an address, an IPv6 /64, or this machine with all its addresses', () => {
  for (const own of ['', '127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1'])
    expect(loginSource(own)).toBe('local');
  expect(loginSource('192.0.2.1')).not.toBe(loginSource('192.0.2.2'));
  expect(loginSource('2001:db8::1')).toBe(loginSource('2001:db8::2'));
  expect(loginSource('2001:db8::1')).not.toBe(loginSource('2001:db8:0:1::1'));
});
