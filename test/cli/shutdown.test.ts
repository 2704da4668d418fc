import pino from 'pino';
import { describe, expect, test } from 'vitest';
import type { StopSignal } from '../../src/cli/process/launcher.ts';
import { reportWhen, StopCounter, type Stoppable, untilStopped } from '../../src/cli/process/shutdown.ts';

const log = pino({ level: 'silent' });

/** Something that runs, whose end and whose stopping the test decides. */
function fake() {
  let request: (signal: StopSignal, times: number) => void = () => {};
  const end = Promise.withResolvers<Error | null>();
  const stops: PromiseWithResolvers<void>[] = [];
  const running: Stoppable = {
    stop() {
      const stop = Promise.withResolvers<void>();
      stops.push(stop);
      return stop.promise;
    },
    ended: end.promise,
  };
  const code = untilStopped(running, log, 8_000, {
    listen(onRequest) {
      request = onRequest;
    },
  });
  return { code, stops, end, press: (times: number) => request('SIGTERM', times) };
}

describe('until stopped', () => {
  test('0 once drained', async () => {
    const { code, stops, press } = fake();
    press(1);
    stops[0]!.resolve();
    expect(await code).toBe(0);
    expect(stops.length).toBe(1);
  });

  test('a second request asks again while the first still drains', async () => {
    const { code, stops, press } = fake();
    press(1);
    press(2);
    stops[1]!.resolve();
    expect(await code).toBe(0);
  });

  test('a third gives up waiting', async () => {
    const { code, press } = fake();
    press(1);
    press(2);
    press(3);
    expect(await code).toBe(1);
  });

  test('an end while stopping waits for stop()', async () => {
    const { code, stops, end, press } = fake();
    press(1);
    end.resolve(null);
    await new Promise(setImmediate);
    stops[0]!.reject(new Error('the store cannot be closed'));
    expect(await code).toBe(1);
  });

  test('1 when stopping fails', async () => {
    const { code, stops, press } = fake();
    press(1);
    stops[0]!.reject(new Error('stuck'));
    expect(await code).toBe(1);
  });

  test('an end by itself is 0, or its error', async () => {
    const quiet = fake();
    quiet.end.resolve(null);
    expect(await quiet.code).toBe(0);
    const loud = fake();
    loud.end.resolve(new Error('out of descriptors'));
    await expect(loud.code).rejects.toThrow('out of descriptors');
  });
});

describe('reporting', () => {
  test('a report that fails is the failure of the command', async () => {
    const failing = reportWhen(Promise.resolve(7), (value) => {
      throw new Error(`cannot write ${value}`);
    });
    await expect(failing).rejects.toThrow('cannot write 7');
  });

  test('a start that never became ready is not reported, and is no failure of its own', async () => {
    let reports = 0;
    const gone = reportWhen(Promise.reject(new Error('stopped')), () => {
      reports++;
    });
    expect(await Promise.race([gone, new Promise((resolve) => setImmediate(resolve, 'quiet'))])).toBe(
      'quiet',
    );
    expect(reports).toBe(0);
  });
});

describe('counting requests', () => {
  test('a signal that both the launcher and this process saw is one request', () => {
    const counter = new StopCounter();
    expect(counter.count('SIGTERM', 'own', 0)).toBe(1);
    expect(counter.count('SIGTERM', 'forwarded', 5_000)).toBe(0);
    expect(counter.count('SIGTERM', 'forwarded', 6_000)).toBe(2);
    expect(counter.count('SIGTERM', 'own', 6_001)).toBe(0);
  });

  test('two SIGTERM are two requests however close', () => {
    const counter = new StopCounter();
    expect(counter.count('SIGTERM', 'own', 0)).toBe(1);
    expect(counter.count('SIGTERM', 'own', 0)).toBe(2);
  });

  test('one Ctrl-C that npm repeats is one request', () => {
    const counter = new StopCounter();
    expect(counter.count('SIGINT', 'own', 0)).toBe(1);
    expect(counter.count('SIGINT', 'own', 3)).toBe(0);
    expect(counter.count('SIGINT', 'own', 400)).toBe(2);
  });
});
