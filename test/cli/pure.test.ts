import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { explainStart } from '../../src/boot/bindErrors.ts';
import { parseIo } from '../../src/cli/arguments/flags.ts';
import { explain, usageSentence } from '../../src/cli/output/errorText.ts';
import { drawTable } from '../../src/cli/output/terminalText.ts';
import { choosePublicHost } from '../../src/hub/pairing/publicHost.ts';
import { parseHubSettings } from '../../src/hub/store/hubFile.ts';
import { defaultWorkers } from '../../src/hub/threads/defaultWorkers.ts';

test('workers: none on two cores, two cores kept free above, four at most', () => {
  expect([1, 2, 3, 4, 6, 8, 128].map(defaultWorkers)).toEqual([0, 0, 1, 2, 4, 4, 4]);
});

test('epoll is refused where there is none', () => {
  expect(parseIo('epoll', 'linux')).toBe('epoll');
  expect(parseIo('net', 'darwin')).toBe('net');
  expect(() => parseIo('epoll', 'darwin')).toThrow('--io: epoll exists on Linux only');
  expect(() => parseIo('uring', 'linux')).toThrow('--io: "uring" is not one of auto, epoll, net');
});

describe('failures to start', () => {
  const hub = {
    tunnel: { host: '0.0.0.0', port: 9_000 },
    socks: { host: '127.0.0.1', port: 1_080 },
    http: { host: '127.0.0.1', port: 0 },
    dashboard: { host: '::1', port: 8_080 },
  };
  const sentence = (properties: object) =>
    explain(explainStart(Object.assign(new Error('bind'), properties), hub)).sentence;

  test('a taken port names its flag', () => {
    expect(sentence({ code: 'EADDRINUSE', port: 1_080 })).toBe(
      'port 1080 on 127.0.0.1 is in use by another program; choose another with --socks HOST:PORT',
    );
    expect(sentence({ code: 'EACCES', role: 'tunnel' })).toContain('--tunnel');
    expect(sentence({ code: 'EADDRNOTAVAIL', role: 'http' })).toContain('--http');
    expect(sentence({ code: 'EINVAL', port: 8_080 })).toContain('cannot listen on [::1]:8080 (EINVAL)');
  });

  test('what is no listener stays as it is', () => {
    const error = Object.assign(new Error('odd'), { code: 'EADDRINUSE', port: 0 });
    expect(explainStart(error, hub)).toBe(error);
    const own = new UserError('already said', 1);
    expect(explainStart(own, hub)).toBe(own);
  });

  test('always one line', () => {
    expect(explain(new Error('a\n  b')).sentence).toBe('a b');
    expect(explain('text')).toEqual({ sentence: 'text', exitCode: 1 });
    expect(explain(new UserError('usage', 2))).toEqual({ sentence: 'usage', exitCode: 2 });
    expect(
      usageSentence("error: too many arguments for 'list'. Expected 0 arguments but got 1: frob.\n"),
    ).toBe('too many arguments: frob (--help lists the commands and what they take)');
    expect(
      usageSentence("error: too many arguments for 'show'. Expected 1 argument but got 3: a, b, c.\n"),
    ).toBe('too many arguments: b, c (--help lists the commands and what they take)');
    expect(usageSentence("error: unknown option '--sock'\n(Did you mean --socks?)\n")).toBe(
      "unknown option '--sock' (Did you mean --socks?)",
    );
  });

  test('no secret is repeated that was typed in the wrong place', () => {
    const stray = (word: string) =>
      usageSentence(`error: too many arguments for 'node'. Expected 0 arguments but got 1: ${word}.\n`);
    for (const link of [
      'restunnel://h:1/?k=a&t=b',
      'restunnel+wss://h/x?k=a&t=b',
      'RESTUNNEL+WS://[::1]/?t=b',
      "restunnel+wss://h/it's?k=a&t=b",
    ])
      expect(stray(link)).toBe(
        'too many arguments: (a pairing link) (--help lists the commands and what they take)',
      );
    expect(stray('http://me:s3cret@proxy:3128')).toContain(
      'too many arguments: http://(a password)@proxy:3128 ',
    );
    expect(stray("http://me:s3/cr'et@proxy:3128")).toContain(': http://(a password)@proxy:3128 ');
    expect(usageSentence("error: 'restunnel://h:1/?t=b' is wrong")).toBe("'(a pairing link)' is wrong");
  });
});

test('table columns line up', () => {
  const table = drawTable([
    ['ID', 'NAME', 'STATE'],
    ['ab', 'my phone', 'connected'],
    ['abcd', '电', ''],
  ]);
  expect(table).toBe('ID    NAME      STATE\nab    my phone  connected\nabcd  电\n');
});

describe('hub.json', () => {
  test('reads back what was written', () => {
    fc.assert(
      fc.property(
        fc.option(fc.integer({ min: 1, max: 65_535 })),
        fc.option(fc.string()),
        fc.option(fc.string()),
        (tunnelPort, publicHost, publicWebSocket) => {
          const settings = { tunnelPort, publicHost, publicWebSocket };
          expect(parseHubSettings(JSON.stringify(settings))).toEqual(settings);
        },
      ),
    );
  });

  test.each(['', 'null', '[1', '1', '{"tunnelPort":0}', '{"tunnelPort":"9000"}', '{"publicHost":1}'])(
    'refuses %j',
    (text) => {
      expect(parseHubSettings(text)).toBe(null);
    },
  );
});

describe('public host of a link', () => {
  const address = (text: string, internal: boolean, family: 'IPv4' | 'IPv6') =>
    ({ address: text, internal, family, netmask: '', mac: '', cidr: null }) as never;
  const interfaces = {
    lo: [address('127.0.0.1', true, 'IPv4')],
    eth0: [address('2001:db8::1', false, 'IPv6'), address('192.0.2.1', false, 'IPv4')],
  };

  test('asked, remembered, bound, guessed, in this order', () => {
    const choose = (asked: string | null, remembered: string | null, bound: string | null) =>
      choosePublicHost(asked, remembered, bound, interfaces);
    expect(choose('a', 'b', '127.0.0.1')).toEqual({ host: 'a', port: null, guessed: false });
    expect(choose(null, 'b', '127.0.0.1')).toEqual({ host: 'b', port: null, guessed: false });
    expect(choose(null, 'b:443', '127.0.0.1')).toEqual({ host: 'b', port: 443, guessed: false });
    expect(choose('[2001:db8::2]:443', null, null)).toEqual({
      host: '2001:db8::2',
      port: 443,
      guessed: false,
    });
    expect(choose('2001:db8::2', null, null)).toEqual({ host: '2001:db8::2', port: null, guessed: false });
    expect(choose(null, null, '127.0.0.1')).toEqual({ host: '127.0.0.1', port: null, guessed: false });
    expect(choose(null, null, '0.0.0.0')).toEqual({ host: '192.0.2.1', port: null, guessed: true });
    expect(choose(null, null, '::')).toEqual({ host: '192.0.2.1', port: null, guessed: true });
    expect(choose(null, null, null)).toEqual({ host: '192.0.2.1', port: null, guessed: true });
  });

  test('a machine without a network offers itself', () => {
    expect(choosePublicHost(null, null, null, {})).toEqual({ host: '127.0.0.1', port: null, guessed: true });
  });
});
