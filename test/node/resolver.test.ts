import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { NODE } from '../../src/limits/node.ts';
import { readNameService } from '../../src/node/nameService.ts';
import { Resolver } from '../../src/node/resolver.ts';
import type { SystemLookup } from '../../src/node/systemLookups.ts';
import { answerTo, nameOf } from './dnsAnswer.ts';

const nobody: SystemLookup = () => {
  throw new Error('getaddrinfo was asked');
};
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A name server on loopback; names with `tarpit` in them get no answer. */
async function startServer(
  zone: Record<string, readonly string[]>,
): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 });
  sockets.push(socket);
  socket.on('message', (query, { port, address }) => {
    const name = nameOf(query);
    asked.push(name);
    if (!name.includes('tarpit')) socket.send(answerTo(query, zone[name] ?? null, 300), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, asked };
}

function resolverOf(
  dnsPort: number,
  files: { hosts?: string; search?: string; nsswitch?: string } = {},
): Resolver {
  const { hosts = '', search = '', nsswitch = 'hosts: files dns' } = files;
  const service = readNameService({ nsswitch, resolv: `nameserver 127.0.0.1\n${search}`, hosts, gai: '' });
  return new Resolver({ files: { current: () => service }, lookup: nobody, dnsPort });
}

describe('Resolver', () => {
  it('asks DNS for both families, and hands on the TTL', async () => {
    const { port, asked } = await startServer({ 'a.test': ['192.0.2.1', '192.0.2.2', '2001:db8::1'] });
    const { addresses, ttlMs } = (await resolverOf(port).resolve('a.test', 9_000)) as {
      addresses: string[];
      ttlMs: number;
    };
    expect(addresses.toSorted()).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
    expect(ttlMs).toBe(300_000);
    expect(asked).toEqual(['a.test', 'a.test']);
  });

  it('reports a name that does not exist', async () => {
    const { port } = await startServer({});
    expect(await resolverOf(port).resolve('no.test', 9_000)).toEqual({ failure: 'nameNotFound' });
  });

  it('goes through the search list, a name with enough dots as it is first', async () => {
    const { port, asked } = await startServer({ 'www.corp.test': ['192.0.2.3'] });
    const resolver = resolverOf(port, { search: 'search one.test corp.test' });
    expect(await resolver.resolve('www', 9_000)).toMatchObject({ addresses: ['192.0.2.3'] });
    expect([...new Set(asked.splice(0))]).toEqual(['www.one.test', 'www.corp.test']);
    expect(await resolver.resolve('a.b', 9_000)).toEqual({ failure: 'nameNotFound' });
    expect([...new Set(asked)]).toEqual(['a.b', 'a.b.one.test', 'a.b.corp.test']);
  });

  it('answers from the hosts file without asking', async () => {
    const { port, asked } = await startServer({});
    const resolver = resolverOf(port, { hosts: '192.0.2.9 printer.test printer # mine' });
    expect(await resolver.resolve('printer', 9_000)).toMatchObject({ addresses: ['192.0.2.9'] });
    expect(asked).toEqual([]);
  });

  it('answers good names while hundreds get no answer, and says that those are to blame themselves', async () => {
    const { port } = await startServer({ 'good.test': ['192.0.2.1'] });
    const resolver = resolverOf(port);
    const dead = Array.from({ length: 200 }, (_, i) => resolver.resolve(`${i}.tarpit.test`, 3_000));
    for (let i = 0; i < 300; i++) {
      expect(await resolver.resolve('good.test', 3_000)).toMatchObject({ addresses: ['192.0.2.1'] });
    }
    for (const resolution of await Promise.all(dead)) expect(resolution).toEqual({ failure: 'nameTimedOut' });
  });

  it('finds out that it was the name when nothing else was asked for', async () => {
    const { port, asked } = await startServer({});
    expect(await resolverOf(port).resolve('a.tarpit.test', 1_000)).toEqual({ failure: 'nameTimedOut' });
    expect(asked).toContain('ipv4only.arpa');
  });

  it('says that no name is answered when the server is gone', async () => {
    const { port } = await startServer({});
    for (const socket of sockets.splice(0)) socket.close();
    expect(await resolverOf(port).resolve('a.test', 500)).toEqual({ failure: 'resolverSilent' });
  });

  it('says that no name is answered when the server is silent', async () => {
    const socket = createSocket('udp4');
    sockets.push(socket);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const resolution = await resolverOf(socket.address().port).resolve('a.test', 500);
    expect(resolution).toEqual({ failure: 'resolverSilent' });
  });

  it('leaves names to getaddrinfo that DNS alone does not know', async () => {
    const { port, asked } = await startServer({});
    const service = readNameService({
      nsswitch: 'hosts: files mdns4_minimal [NOTFOUND=return] dns',
      resolv: 'nameserver 127.0.0.1',
      hosts: '',
      gai: '',
    });
    const names: string[] = [];
    const lookup: SystemLookup = (name, _options, done) => {
      names.push(name);
      done(null, [{ address: '192.0.2.7', family: 4 }]);
    };
    const resolver = new Resolver({ files: { current: () => service }, lookup, dnsPort: port });
    for (const name of ['nas.local', 'localhost', '127.1', 'app.localhost']) {
      expect(await resolver.resolve(name, 9_000)).toEqual({
        addresses: ['192.0.2.7'],
        ttlMs: NODE.dnsSystemTtlMs,
      });
    }
    expect(names).toEqual(['nas.local', 'localhost', '127.1', 'app.localhost']);
    expect(asked).toEqual([]);
  });
});
