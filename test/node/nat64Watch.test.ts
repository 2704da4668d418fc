import { expect, it } from 'vitest';
import { NODE } from '../../src/limits/node.ts';
import { Nat64Watch } from '../../src/node/nat64Watch.ts';
import type { Resolution } from '../../src/node/resolver.ts';

const found = (...addresses: string[]): Resolution => ({ addresses, ttlMs: 0 });

function setUp(...answers: Resolution[]) {
  const asked: string[] = [];
  const told: (readonly string[])[] = [];
  const resolve = (name: string): Promise<Resolution> => {
    asked.push(name);
    return Promise.resolve(answers.shift() ?? { failure: 'resolverSilent' });
  };
  const watch = new Nat64Watch(resolve, (prefixes) => told.push(prefixes));
  return { watch, asked, told };
}

it('asks once in a network, and again after a while', async () => {
  const { watch, asked, told } = setUp(found('2600:1::192.0.0.170'), found('192.0.0.170'));
  await watch.look('home', 0);
  await watch.look('home', NODE.nat64EveryMs - 1);
  expect(asked).toEqual(['ipv4only.arpa']);
  expect(told).toEqual([['2600:1::/96']]);
  await watch.look('home', NODE.nat64EveryMs);
  expect(told).toEqual([['2600:1::/96'], []]);
});

it('asks at once in another network, and in none not at all', async () => {
  const { watch, told } = setUp(found('2600:1::192.0.0.170'), { failure: 'nameNotFound' });
  await watch.look('', 0);
  expect(told).toEqual([]);
  await watch.look('home', 0);
  await watch.look('', 1);
  await watch.look('home', 1);
  expect(told).toEqual([['2600:1::/96']]);
  await watch.look('street', 1);
  expect(told).toEqual([['2600:1::/96'], []]);
});

it('keeps what it knows while nobody answers, and asks again sooner', async () => {
  const silent: Resolution = { failure: 'resolverSilent' };
  const { watch, asked, told } = setUp(found(), silent, found('2600:2::192.0.0.171'));
  await watch.look('home', 0);
  await watch.look('street', 0);
  await watch.look('street', NODE.nat64RetryMs - 1);
  expect(told).toEqual([[]]);
  expect(asked).toHaveLength(2);
  await watch.look('street', NODE.nat64RetryMs);
  expect(told).toEqual([[], ['2600:2::/96']]);
});

it('asks one question at a time', async () => {
  const { watch, asked } = setUp(found(), found());
  await Promise.all([watch.look('home', 0), watch.look('street', 0)]);
  expect(asked).toHaveLength(1);
  await watch.look('street', 0);
  expect(asked).toHaveLength(2);
});
