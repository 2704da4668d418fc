import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { chooseEngine } from '../../src/hub/threads/engineChoice.ts';

const LINUX = { hasEpoll: true, cores: 6 };
const ELSEWHERE = { hasEpoll: false, cores: 6 };

describe('chooseEngine', () => {
  it('takes epoll where there is one, with as many workers as suit the machine', () => {
    expect(chooseEngine({ io: 'auto', workers: null }, LINUX)).toEqual({ io: 'epoll', workers: 4 });
    expect(chooseEngine({ io: 'epoll', workers: null }, { ...LINUX, cores: 2 })).toEqual({
      io: 'epoll',
      workers: 0,
    });
  });

  it('takes as many workers as the owner says, none at all included', () => {
    expect(chooseEngine({ io: 'auto', workers: 9 }, LINUX)).toEqual({ io: 'epoll', workers: 9 });
    expect(chooseEngine({ io: 'auto', workers: 0 }, LINUX)).toEqual({ io: 'epoll', workers: 0 });
  });

  it.each([
    ['net', LINUX],
    ['auto', ELSEWHERE],
  ] as const)('has one thread on the net reactor (--io %s, %o)', (io, machine) => {
    expect(chooseEngine({ io, workers: 4 }, machine)).toEqual({ io: 'net', workers: 0 });
  });

  it('refuses epoll where there is none', () => {
    expect(() => chooseEngine({ io: 'epoll', workers: null }, ELSEWHERE)).toThrow(UserError);
  });
});
