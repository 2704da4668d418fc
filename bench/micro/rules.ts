// The rules: a million names in memory, and what a request asks of them.

import type { Bench } from 'tinybench';
import { compileRules } from '../../src/routing/compileRules.ts';
import { Rules } from '../../src/routing/rules.ts';

const NAMES = 1_000_000;
const LOOK_UPS = 1_000;
const TLDS = ['com', 'net', 'org', 'io', 'co.uk', 'de'];
const NOON = 720;

export function addRules(bench: Bench): void {
  let rules: Rules | null = null;
  const ready = {
    beforeAll: () => {
      rules ??= loadMillion();
    },
  };
  const name = (i: number) => nameOf((i * 7_919) % NAMES);
  const refused = Array.from({ length: LOOK_UPS }, (_, i) => `www.${name(i)}`);
  const others = Array.from({ length: LOOK_UPS }, (_, i) => `www.shop${i}.example.com`);
  const ask = (hosts: readonly string[], verdict: string) => () => {
    for (const host of hosts) {
      if (rules!.decide('alice', host, 443, NOON).verdict !== verdict)
        throw new Error(`${host} is decided wrongly`);
    }
  };
  bench.add(`rules: ${LOOK_UPS} refused hosts among a million names`, ask(refused, 'refuse'), ready);
  bench.add(`rules: ${LOOK_UPS} other hosts beside a million names`, ask(others, 'allow'), ready);
}

function nameOf(i: number): string {
  const word = Math.imul(i + 1, 2_654_435_761) >>> 0;
  return `${i % 3 === 0 ? '' : 'ads.'}${word.toString(36)}${i.toString(36)}.${TLDS[i % TLDS.length]}`;
}

function loadMillion(): Rules {
  const list = Buffer.from(Array.from({ length: NAMES }, (_, i) => nameOf(i)).join('\n'));
  const startMs = performance.now();
  const result = compileRules('hosts: {refuse: {lists: ads}}', () => list);
  if ('problems' in result) throw new Error(result.problems[0]!.sentence);
  const { names, bytes } = result.rules.summary;
  const perName = { text: list.length / NAMES - 1, all: bytes / names };
  console.log(
    `rules: ${names} names compiled in ${(performance.now() - startMs).toFixed(0)} ms, ` +
      `${perName.all.toFixed(1)} B each, of that ${perName.text.toFixed(1)} B text`,
  );
  return new Rules(result.rules);
}
