// The rehearsal of an engine thread: it serves whole connections without a network, leaves nothing behind, and gives way to real work.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HubRehearsal } from '../../src/engine/hubRehearsal.ts';
import { Rehearsal, type Stage } from '../../src/engine/rehearsal.ts';
import { REHEARSAL } from '../../src/limits/engine.ts';
import { ExitRehearsal } from '../../src/node/exitRehearsal.ts';
import { chooseAead } from '../../src/noise/aeadProvider.ts';
import { EpollReactor } from '../../src/reactor/epoll/epollReactor.ts';
import { PairedSockets } from '../../src/reactor/epoll/pairedSockets.ts';
import { ERRNO, NoDescriptorError } from '../../src/reactor/errno.ts';
import { type Libc, loadLibc } from '../../src/reactor/libc.ts';
import type { Reactor, TimerHandler } from '../../src/reactor/reactor.ts';

const libc = loadLibc();

describe.skipIf(libc === null)('the stage', () => {
  const engines = { hub: HubRehearsal, node: ExitRehearsal };

  it.each(Object.entries(engines))(
    'of a %s serves connections without a network and closes everything',
    (_, Engine) => {
      const reactor = new EpollReactor();
      const { make } = chooseAead((bytes) => reactor.slab(bytes));
      const faults: unknown[] = [];
      const descriptors = new Descriptors();
      const sockets = new PairedSockets(withoutNetwork(descriptors));
      const stage = new Engine(make, (error) => faults.push(error), sockets);
      stage.open();
      // More than its tables hold at first, and ids that come again.
      for (const connections of [1, 2, 4, 8, 16, 32, 32, 32]) stage.serve(connections);
      stage.end();
      expect(faults).toEqual([]);
      expect(descriptors).toMatchObject({ open: 0, badlyClosed: 0 });
      reactor.stop();
    },
  );

  it.each(Object.entries(engines))(
    'of a %s says so wherever its descriptors run out, and closes those that it had',
    (_, Engine) => {
      const reactor = new EpollReactor();
      const { make } = chooseAead((bytes) => reactor.slab(bytes));
      const faults: unknown[] = [];
      const serves = (descriptors: Descriptors): boolean => {
        let stage: Stage | null = null;
        try {
          const sockets = new PairedSockets(withoutNetwork(descriptors));
          stage = new Engine(make, (error) => faults.push(error), sockets);
          stage.open();
          stage.serve(2);
          return true;
        } catch (error) {
          expect(error).toBeInstanceOf(NoDescriptorError);
          return false;
        } finally {
          stage?.end();
        }
      };
      let enough = 0;
      for (let isEnough = false; !isEnough; enough++) {
        const descriptors = new Descriptors(enough);
        isEnough = serves(descriptors);
        expect(descriptors).toMatchObject({ open: 0, badlyClosed: 0 });
      }
      expect(enough).toBeGreaterThan(4);
      expect(faults).toEqual([]);
      reactor.stop();
    },
  );
});

describe('the rehearsal', () => {
  /** Time of the thread, as the test says. */
  let cpuMs = 0;
  let timers: { ms: number; handler: TimerHandler }[] = [];
  let faults: unknown[] = [];
  let ended = 0;
  let served = 0;
  let tidied = 0;

  // Switched off in programs that tests start: they count descriptors.
  beforeEach(() => void vi.stubEnv('RESTUNNEL_REHEARSAL', ''));

  afterEach(() => {
    vi.unstubAllEnvs();
    cpuMs = 0;
    timers = [];
    faults = [];
    ended = 0;
    served = 0;
    tidied = 0;
  });

  function rehearsal(
    options: { kind?: 'epoll' | 'net'; hasWork?: () => boolean; open?: () => void; serve?: () => void } = {},
  ): Rehearsal {
    const { kind = 'epoll', hasWork = () => false, open = () => {}, serve = () => {} } = options;
    const setTimer = (ms: number, handler: TimerHandler) => timers.push({ ms, handler });
    const stage: Stage = {
      open,
      serve(connections) {
        served += connections;
        cpuMs += REHEARSAL.sliceMs;
        serve();
      },
      end: () => void ended++,
    };
    return new Rehearsal({
      reactor: { kind, setTimer } as unknown as Reactor,
      setUp: () => stage,
      hasWork,
      onFault: (error) => faults.push(error),
      cpuMs: () => cpuMs,
      tidy: () => void tidied++,
    });
  }

  /** The next timer; how long it was set for. */
  function fire(): number {
    const { ms, handler } = timers.shift()!;
    handler.onTimer(0);
    return ms;
  }

  it('begins once, and not on the net reactor', () => {
    rehearsal({ kind: 'net' }).begin();
    expect(timers).toEqual([]);
    const one = rehearsal();
    one.begin();
    one.begin();
    expect(timers).toHaveLength(1);
  });

  it('can be switched off', () => {
    vi.stubEnv('RESTUNNEL_REHEARSAL', 'off');
    rehearsal().begin();
    expect(timers).toEqual([]);
  });

  it('uses so much of the thread and no more', () => {
    rehearsal().begin();
    while (timers.length > 0) fire();
    expect({ ended, tidied }).toEqual({ ended: 1, tidied: 1 });
    expect(cpuMs).toBeGreaterThanOrEqual(REHEARSAL.cpuMaxMs);
    expect(cpuMs).toBeLessThan(REHEARSAL.cpuMaxMs + REHEARSAL.sliceMs);
  });

  it('ends for good as soon as there is work', () => {
    let hasWork = false;
    rehearsal({ hasWork: () => hasWork }).begin();
    fire();
    fire();
    expect(served).toBeGreaterThan(0);
    const before = served;
    hasWork = true;
    fire();
    expect({ served, ended, tidied, timers }).toEqual({ served: before, ended: 1, tidied: 0, timers: [] });
  });

  it('waits while the thread is busy with something else', () => {
    rehearsal().begin();
    cpuMs += 10_000;
    fire();
    expect(served).toBe(0);
    expect(fire()).toBe(REHEARSAL.busyPauseMs);
    expect(served).toBe(1);
  });

  it('ends in silence without descriptors, and tells of any other failure', () => {
    for (const error of [new NoDescriptorError(''), new Error('a bug')]) {
      const fail = () => {
        throw error;
      };
      for (const failing of [{ open: fail }, { serve: fail }]) {
        rehearsal(failing).begin();
        fire();
      }
    }
    expect(timers).toEqual([]);
    expect(ended).toBe(4);
    expect(faults).toEqual([new Error('a bug'), new Error('a bug')]);
  });
});

/** Those of one rehearsal, but for the doorbell's, which is closed by another way. */
class Descriptors {
  open = 0;
  badlyClosed = 0;
  #left: number;
  #isRefused = false;

  constructor(left = Number.POSITIVE_INFINITY) {
    this.#left = left;
  }

  /** Calls what opens so many, or fails as the system does without any. */
  take(count: number, call: () => number): number {
    this.#isRefused = count > this.#left;
    if (this.#isRefused) return -1;
    this.#left -= count;
    return call();
  }

  errno(real: () => number): number {
    const errno = this.#isRefused ? ERRNO.EMFILE : real();
    this.#isRefused = false;
    return errno;
  }
}

/** Whatever reaches beyond this thread throws; descriptors are counted. */
function withoutNetwork(descriptors: Descriptors): Libc {
  const real = libc as Libc;
  const forbidden = (): number => {
    throw new Error('a rehearsal reached for the network');
  };
  return {
    ...real,
    ...{ socket: forbidden, bind: forbidden, listen: forbidden },
    ...{ accept4: forbidden, connect: forbidden, sendto: forbidden },
    errno: () => descriptors.errno(real.errno),
    socketpair: (...pair) =>
      descriptors.take(2, () => {
        descriptors.open += 2;
        return real.socketpair(...pair);
      }),
    epoll_create1: (flags) =>
      descriptors.take(1, () => {
        descriptors.open++;
        return real.epoll_create1(flags);
      }),
    eventfd: (initial, flags) => descriptors.take(1, () => real.eventfd(initial, flags)),
    close: (fd) => {
      descriptors.open--;
      const closed = real.close(fd);
      if (closed < 0) descriptors.badlyClosed++;
      return closed;
    },
  };
}
