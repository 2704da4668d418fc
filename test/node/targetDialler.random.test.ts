import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalAddress, type IpAddress } from '../../src/base/ipAddress.ts';
import { ENGINE } from '../../src/limits/engine.ts';
import { NODE } from '../../src/limits/node.ts';
import type { FailureName } from '../../src/model/failures.ts';
import type { LookupFailure } from '../../src/node/nameCache.ts';
import { NameCache } from '../../src/node/nameCache.ts';
import { type DialId, TargetDialler } from '../../src/node/targetDialler.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import { FakeDialReactor, type Outcome } from './fakeDialReactor.ts';

// Random scripts: names that resolve to something else every time, addresses that answer, refuse or keep silent, dials and
// cancels at any moment. Whatever happens, a dial has one outcome, and only addresses of its own lookup that policy allows are dialled.

const ADDRESSES = [
  '1.1.1.1',
  '1.1.1.2',
  '2600::1',
  '2600::2',
  '::ffff:1.1.1.3',
  '10.0.0.1',
  '::1',
  'fe80::1%2',
];
const NAMES = ['a.example', 'b.example', 'c.example'];

const outcome: fc.Arbitrary<Outcome> = fc.record({
  delayMs: fc.oneof(fc.nat(600), fc.nat(2 * ENGINE.connectTimeoutMs), fc.constant(Number.POSITIVE_INFINITY)),
  errno: fc.constantFrom(0, 0, ERRNO.ECONNREFUSED, ERRNO.ENETUNREACH, ERRNO.EMFILE, ERRNO.EIO),
});
const answer = fc.record({
  delayMs: fc.oneof(fc.nat(300), fc.nat(2 * NODE.dnsTimeoutMs)),
  addresses: fc.option(fc.subarray(ADDRESSES), { freq: 5 }),
  failure: fc.constantFrom<LookupFailure>('nameNotFound', 'nameTimedOut', 'internal'),
});
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('dial' as const),
      host: fc.constantFrom(...NAMES, ...ADDRESSES, 'bad host'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.oneof(fc.nat(400), fc.nat(20_000)) }),
  },
);

const isAllowed = (address: string) => /^1\.1\.1\.|^2600:/.test(address);

interface Dialled {
  readonly host: string;
  readonly port: number;
  readonly id: DialId;
  outcome: FailureName | number | null;
  outcomes: number;
  isCancelled: boolean;
  cancelledFirst: boolean;
}

it('every dial has exactly one outcome, nothing stays open, and policy is obeyed', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(outcome, { minLength: 1, maxLength: 12 }),
      fc.array(answer, { minLength: 1, maxLength: 6 }),
      (steps, outcomes, answers) => {
        const dials: Dialled[] = [];
        /** Everything that a name was ever answered with. */
        const told = new Map<string, Set<string>>();
        let connects = 0;
        let questions = 0;
        const reactor = new FakeDialReactor(() => outcomes[connects++ % outcomes.length]!);
        const policy = {
          check: (address: IpAddress) =>
            isAllowed(address.toString()) ? ('ok' as const) : ('refused' as const),
        };
        const dialler = new TargetDialler(
          reactor,
          policy,
          (name, queryId) => {
            const { delayMs, addresses, failure } = answers[questions++ % answers.length]!;
            reactor.later(delayMs, () => {
              const known = told.get(name) ?? new Set();
              for (const address of addresses ?? []) known.add(canonicalAddress(address) ?? address);
              told.set(name, known);
              dialler.onLookup(queryId, addresses, failure);
            });
          },
          new NameCache(),
        );
        const handler = {
          onDialled: (tag: number, conn: number) => settle(tag, conn),
          onDialFailed: (tag: number, failure: FailureName) => settle(tag, failure),
        };
        function settle(tag: number, result: FailureName | number): void {
          const dial = dials[tag]!;
          dial.outcome = result;
          dial.outcomes++;
          if (dial.isCancelled) dial.cancelledFirst = true;
        }

        for (const action of steps) {
          if (action.kind === 'wait') {
            reactor.advance(action.ms);
          } else if (action.kind === 'cancel') {
            const dial = dials[action.which];
            if (dial === undefined) continue;
            dialler.cancel(dial.id);
            if (dial.outcome === null) dial.isCancelled = true;
          } else {
            // The port tells the dials apart.
            const tag = dials.length;
            const dial = {
              host: action.host,
              port: tag + 1,
              id: 0,
              outcome: null,
              outcomes: 0,
              isCancelled: false,
              cancelledFirst: false,
            };
            dials.push(dial);
            dial.id = dialler.dial(action.host, tag + 1, handler, tag);
            expect(dial.id === 0).toBe(dial.outcomes === 1);
          }
        }
        reactor.advance(NODE.dnsTimeoutMs * 2 + ENGINE.connectTimeoutMs * 2);

        for (const dial of dials) {
          expect(dial.outcomes).toBe(dial.isCancelled ? 0 : 1);
          expect(dial.cancelledFirst).toBe(false);
        }
        expect([dialler.count, reactor.pending]).toEqual([0, 0]);
        const handedOver = dials
          .map(({ outcome }) => outcome)
          .filter((outcome) => typeof outcome === 'number');
        expect([...reactor.open].sort()).toEqual(handedOver.sort());

        for (const { host, port, outcome } of dials) {
          const attempts = reactor.attempts.filter((attempt) => attempt.port === port);
          const known = told.get(host) ?? new Set([canonicalAddress(host)]);
          expect(attempts.every(({ address }) => isAllowed(address) && known.has(address))).toBe(true);
          expect(new Set(attempts.map(({ address }) => address)).size).toBe(attempts.length);
          const firstMs = attempts[0]?.atMs ?? 0;
          expect(
            attempts.every(({ atMs, timeoutMs }) => atMs + timeoutMs === firstMs + ENGINE.connectTimeoutMs),
          ).toBe(true);
          if (typeof outcome === 'number') expect(attempts.map(({ conn }) => conn)).toContain(outcome);
          if (outcome === 'policy') expect(attempts).toEqual([]);
        }
      },
    ),
    { numRuns: 1_500 },
  );
});
