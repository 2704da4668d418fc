import { describe, expect, test } from 'vitest';
import { parseVia, viaOfEnvironment, viaText } from '../../src/model/via.ts';

describe('--via', () => {
  test.each([
    ['http://proxy:3128', { kind: 'http', host: 'proxy', port: 3128, user: null, password: '' }],
    ['http://proxy', { kind: 'http', host: 'proxy', port: 80, user: null, password: '' }],
    ['socks5://[::1]:9/', { kind: 'socks5', host: '::1', port: 9, user: null, password: '' }],
    ['socks5h://p', { kind: 'socks5', host: 'p', port: 1080, user: null, password: '' }],
    ['http://me:a%40%3A%C3%A9@p:1', { kind: 'http', host: 'p', port: 1, user: 'me', password: 'a@:é' }],
    ['http://:only@p:1', { kind: 'http', host: 'p', port: 1, user: '', password: 'only' }],
  ])('%s', (text, via) => {
    expect(parseVia(text)).toEqual(via);
  });

  test.each([
    'proxy:3128',
    'https://proxy:3128',
    'http://',
    'http://proxy:0',
    'http://proxy:1/path',
    'http://proxy:1?x',
    'http://u:%zz@proxy:1',
    `http://${'u'.repeat(256)}@proxy:1`,
    '',
  ])('%s is refused, and no password is repeated', (text) => {
    const secret = text.replace('http://', 'http://u:hunter2@');
    expect(() => parseVia(text)).toThrow(/^--via: /);
    expect(() => parseVia(secret)).toThrow(/^(?!.*hunter2)/);
  });

  test('the log shows neither user nor password', () => {
    expect(viaText(parseVia('http://u:p@[::1]:3128'))).toBe('http://[::1]:3128');
  });
});

describe('the environment', () => {
  const env = {
    HTTPS_PROXY: 'http://a:1',
    ALL_PROXY: 'socks5://b:2',
    NO_PROXY: 'example.org, .corp.test 10.0.0.1,[::1]',
  };

  test.each([
    [env, 'hub.test', 'http://a:1'],
    [{ ...env, https_proxy: 'c:3' }, 'hub.test', 'http://c:3'],
    [{ ALL_PROXY: 'socks5://b:2' }, 'hub.test', 'socks5://b:2'],
    [{ HTTPS_PROXY: '', ALL_PROXY: 'socks5://b:2' }, 'hub.test', 'socks5://b:2'],
    [env, 'hub.example.org', null],
    [env, 'EXAMPLE.org', null],
    [env, 'notexample.org', 'http://a:1'],
    [env, 'hub.corp.test', null],
    [env, '10.0.0.1', null],
    [env, '::1', null],
    [{ ...env, NO_PROXY: '*' }, 'hub.test', null],
    [{ HTTP_PROXY: 'http://a:1' }, 'hub.test', null],
  ])('%o for %s: %s', (variables, host, expected) => {
    const via = viaOfEnvironment(variables, host);
    expect(via === null ? null : viaText(via)).toBe(expected);
  });

  test('a value that is no proxy is named', () => {
    expect(() => viaOfEnvironment({ HTTPS_PROXY: 'ftp://x' }, 'h')).toThrow(/^HTTPS_PROXY: give http:/);
  });
});
