import { describe, expect, it } from 'vitest';
import { candidatesOf, isPlainName, type NameService, readNameService } from '../../src/node/nameService.ts';

function read(nsswitch: string, resolv = 'nameserver 192.0.2.53', hosts = '', gai = ''): NameService | null {
  return readNameService({ nsswitch, resolv, hosts, gai });
}

describe('readNameService', () => {
  it.each([
    '',
    'hosts: files dns',
    'hosts:files dns myhostname # usual',
    'passwd: files\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] dns',
  ])('does as getaddrinfo would: %j', (nsswitch) => {
    expect(read(nsswitch)).not.toBeNull();
  });

  it.each([
    'hosts: dns files',
    'hosts: files',
    'hosts: files [NOTFOUND=return] dns',
    'hosts: files ldap dns',
    'hosts: files mymachines dns',
    'hosts: files resolve [!UNAVAIL=return] dns',
  ])('leaves all names to getaddrinfo: %j', (nsswitch) => {
    expect(read(nsswitch)).toBeNull();
  });

  it('speaks to the stub of systemd-resolved as nss-resolve would', () => {
    const nsswitch = 'hosts: files myhostname resolve [!UNAVAIL=return] dns';
    expect(read(nsswitch, 'nameserver 127.0.0.53')).not.toBeNull();
    expect(read(nsswitch, 'nameserver 192.0.2.53')).toBeNull();
  });

  it.each([
    ['no server', 'search a.test'],
    ['a server with a zone', 'nameserver fe80::1%eth0'],
    ['sortlist', 'nameserver 192.0.2.53\nsortlist 192.0.2.0'],
  ])('leaves all names to getaddrinfo: %s', (_what, resolv) => {
    expect(read('hosts: files dns', resolv)).toBeNull();
  });

  it('leaves all names to getaddrinfo when the order of addresses has been changed', () => {
    expect(read('', undefined, '', '# precedence ::ffff:0:0/96  100')).not.toBeNull();
    expect(read('', undefined, '', 'precedence ::ffff:0:0/96  100')).toBeNull();
  });

  it('reads servers, search list and options; the last line of each counts', () => {
    const resolv = [
      '; by hand',
      'domain old.test',
      'search One.test. two.test',
      'nameserver 192.0.2.1',
      'nameserver 2001:db8::1 # second',
      'nameserver 192.0.2.2',
      'nameserver 192.0.2.3',
      'options timeout:1 ndots:3 rotate',
    ].join('\n');
    expect(read('', resolv)).toMatchObject({
      servers: ['192.0.2.1', '2001:db8::1', '192.0.2.2'],
      search: ['one.test', 'two.test'],
      ndots: 3,
    });
  });

  it('reads the hosts file', () => {
    const hosts =
      '192.0.2.1 Printer.test printer\n#192.0.2.2 printer\n2001:db8::1\tprinter\nnonsense printer\n';
    expect([...read('', undefined, hosts)!.hosts]).toEqual([
      ['printer.test', ['192.0.2.1']],
      ['printer', ['192.0.2.1', '2001:db8::1']],
    ]);
  });
});

describe('isPlainName', () => {
  const plain = read('hosts: files dns')!;
  const desktop = read('hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname')!;
  const resolved = read('hosts: files resolve [!UNAVAIL=return] dns', 'nameserver 127.0.0.53')!;

  it.each([
    ['www.example.org', plain, true],
    ['www', plain, true],
    ['nas.local', plain, true],
    ['localhost', plain, false],
    ['a.localhost', plain, false],
    ['127.1', plain, false],
    ['1.0x7f', plain, false],
    ['nas.local', desktop, false],
    ['me', desktop, false],
    ['_gateway', desktop, false],
    ['www', resolved, false],
    ['www.example.org', resolved, true],
  ])('%s', (name, service, expected) => {
    expect(isPlainName(name, service, 'me')).toBe(expected);
  });
});

describe('candidatesOf', () => {
  it('tries a name with enough dots as it is first, others last', () => {
    const service = read('', 'nameserver 192.0.2.1\nsearch one.test two.test\noptions ndots:2')!;
    expect(candidatesOf('a.b.c', service)).toEqual(['a.b.c', 'a.b.c.one.test', 'a.b.c.two.test']);
    expect(candidatesOf('a.b', service)).toEqual(['a.b.one.test', 'a.b.two.test', 'a.b']);
  });
});
