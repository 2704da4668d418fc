// Resolves the names of its arguments by our resolver and by getaddrinfo, and prints what each said.

import { lookup } from 'node:dns/promises';
import { Resolver } from '../../src/node/resolver.ts';

const TIMEOUT_MS = 9_000;
const resolver = new Resolver({
  lookup: (_name, _options, done) => done(Object.assign(new Error('asked'), { code: 'ASKED' }), []),
});
const results: Record<string, { ours: readonly string[]; system: readonly string[] }> = {};
for (const name of process.argv.slice(2)) {
  const { addresses, failure } = await resolver.resolve(name, TIMEOUT_MS);
  const found = await lookup(name, { all: true, verbatim: true }).catch(() => []);
  results[name] = {
    ours: addresses ?? (failure === 'nameNotFound' ? [] : [failure]),
    system: found.map(({ address }) => address),
  };
}
process.stdout.write(JSON.stringify(results));
