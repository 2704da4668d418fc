import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bracketed,
  formatHostPort,
  fromHere,
  isPort,
  parseHostPort,
  parseLoopbackHostPort,
  splitHostPort,
  unbracketed,
} from '../../src/base/hostPort.ts';
import { UserError } from '../../src/base/userError.ts';

const port = fc.integer({ min: 0, max: 65_535 });

function refusal(parse: () => unknown): UserError {
  try {
    parse();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('HOST:PORT', () => {
  test('every formatted address reads back as itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), port, (host, number) => {
        const address = { host, port: number };
        expect(parseHostPort(formatHostPort(address), '--tunnel', '0.0.0.0')).toEqual(address);
      }),
    );
  });

  test('a missing host is the default one, localhost is 127.0.0.1', () => {
    expect(parseHostPort(':1080', '--socks', '127.0.0.1')).toEqual({ host: '127.0.0.1', port: 1080 });
    expect(parseHostPort(':0', '--tunnel', '0.0.0.0')).toEqual({ host: '0.0.0.0', port: 0 });
    expect(parseHostPort('localhost:80', '--tunnel', '0.0.0.0')).toEqual({ host: '127.0.0.1', port: 80 });
  });

  test.each([
    '',
    ':',
    '1080',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:http',
    '127.0.0.1:-1',
    '127.0.0.1:65536',
    '127.0.0.1:1e3',
    '127.0.0.1:1 ',
    '127.1:80',
    '0x7f.0.0.1:80',
    '256.0.0.1:80',
    '::1:80',
    '::1',
    '[::1]',
    '[127.0.0.1]:80',
    '[fe80::1%eth0]:80',
    '[]:80',
    'example.org:80',
    '127.0.0.1:80\n',
  ])('refuses %j in one line that names the flag', (text) => {
    const error = refusal(() => parseHostPort(text, '--socks', '127.0.0.1'));
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(/^--socks.*$/);
    expect(error.message).not.toContain('\n');
  });

  test('any text is either an address that survives a round trip or refused with exit code 2', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.:[]abf%x- ') }), (text) => {
        let address: { host: string; port: number };
        try {
          address = parseHostPort(text, '--http', '127.0.0.1');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).exitCode).toBe(2);
          return;
        }
        expect(parseHostPort(formatHostPort(address), '--http', '127.0.0.1')).toEqual(address);
      }),
    );
  });
});

describe('ports without credentials', () => {
  test.each(['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', ':1', '[::ffff:127.0.0.1]:1'])(
    '%s is loopback',
    (text) => {
      expect(parseLoopbackHostPort(text, '--socks').port).toBe(1);
    },
  );

  test.each(['0.0.0.0:1080', '[::]:1080', '192.0.2.1:1080', '[2001:db8::1]:1080', '[::ffff:10.0.0.1]:1'])(
    '%s is refused',
    (text) => {
      const error = refusal(() => parseLoopbackHostPort(text, '--socks'));
      expect(error.exitCode).toBe(2);
      expect(error.message).toContain('--socks');
      expect(error.message).toContain('loopback');
    },
  );
});

describe('the parts', () => {
  test.each([
    ['127.0.0.1:80', '127.0.0.1', 80],
    ['[::1]:0', '::1', 0],
    ['name.example:65536', 'name.example', 65_536],
    [':1', '', 1],
  ])('%s', (text, host, number) => {
    expect(splitHostPort(text)).toEqual({ host, port: number });
  });

  test.each(['', '80', 'a:', 'a:b', '::1:80', '[a]:80', '[::1]', '[1.2.3.4]:80', '[::1]80', 'a:123456'])(
    '%j has none',
    (text) => {
      expect(splitHostPort(text)).toBeNull();
    },
  );

  test('brackets are for IPv6', () => {
    expect(['::1', '1.2.3.4', 'name'].map(bracketed)).toEqual(['[::1]', '1.2.3.4', 'name']);
    expect(['[::1]', '::1', '1.2.3.4', '[', ''].map(unbracketed)).toEqual(['::1', '::1', '1.2.3.4', '[', '']);
  });

  test('a port on every address is reached on loopback', () => {
    const hosts = ['0.0.0.0', '::', '192.0.2.1', '2001:db8::1', 'name'];
    expect(hosts.map((host) => fromHere({ host, port: 1 }).host)).toEqual([
      '127.0.0.1',
      '::1',
      '192.0.2.1',
      '2001:db8::1',
      'name',
    ]);
  });

  test('ports', () => {
    expect([0, 1, 65_535].map(isPort)).toEqual([true, true, true]);
    expect([-1, 65_536, 1.5, Number.NaN].map(isPort)).toEqual([false, false, false, false]);
  });
});
