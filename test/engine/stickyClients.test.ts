// Clients of a cluster's sticky sessions at a whole front: they wait for the cluster's word with what they have said already.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Plan } from './failingReactor.ts';
import { Client, Silent } from './memoryPeers.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

const connect = (username: string) =>
  `CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}\r\nProxy-Authorization: Basic ${btoa(`${username}:x`)}\r\n\r\n`;
/** SOCKS5 with a user name (RFC 1929), in one piece with the bytes for the target. */
const socks = (username: string, early: string) =>
  `\x05\x01\x02\x01${String.fromCharCode(username.length)}${username}\x01x\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50${early}`;

describe.each([
  ['in one thread', false],
  ['over rings', true],
])('%s', (_how, rings) => {
  let rig: Rig;
  let net: MemoryReactor;
  let target: Silent;

  const until = (done: () => boolean) => {
    if (!net.runUntil(done, net.nowMs + PATIENCE_MS)) throw new Error(`never: ${done} ${net.faults}`);
  };

  beforeEach(() => {
    rig = new Rig(new Plan(null), rings);
    net = rig.net;
    until(() => rig.up > 0);
    target = new Silent(net);
    rig.shareSticky();
  });
  afterEach(() => {
    rig.stop();
    expect(net.faults).toEqual([]);
  });

  test('an HTTP client waits, and later ones of the session do not', () => {
    const client = new Client(net, PORT.http, connect('u-session-a-strict'));
    until(() => rig.placing.length === 1);
    expect(client.heard).toBe('');
    rig.place('node');
    until(() => client.heard.endsWith('\r\n\r\n'));
    expect(client.heard).toMatch(/^HTTP\/1.1 200/);
    const later = new Client(net, PORT.http, connect('u-session-a-strict'));
    until(() => later.heard.endsWith('\r\n\r\n'));
    expect(rig.placing).toEqual([]);
    for (const one of [client, later]) one.end();
  });

  test('what a SOCKS client has said behind its request is not lost', () => {
    const client = new Client(net, PORT.socks, socks('u-session-a', 'early bytes'));
    until(() => rig.placing.length === 1);
    rig.place('node');
    until(() => target.bytes === 'early bytes'.length);
    client.end();
  });

  test('a strict client hears that the cluster is away, and a soft one is served', () => {
    const strict = new Client(net, PORT.http, connect('u-session-a-strict'));
    const soft = new Client(net, PORT.http, connect('u-session-b'));
    until(() => rig.placing.length === 2);
    rig.place(null);
    rig.place(null);
    until(() => strict.heard !== '' && soft.heard.endsWith('\r\n\r\n'));
    expect([strict.heard, soft.heard].map((heard) => heard.slice(9, 12)).sort()).toEqual(['200', '503']);
    expect(strict.heard).toContain('cluster');
    for (const one of [strict, soft]) one.end();
  });

  test('a client that leaves meanwhile leaves nothing behind', () => {
    const client = new Client(net, PORT.http, connect('u-session-a-strict'));
    until(() => rig.placing.length === 1);
    client.end();
    net.runUntil(() => false, net.nowMs + 1_000);
    rig.place('node');
    net.runUntil(() => false, net.nowMs + 1_000);
    expect([rig.load, rig.exit.streams]).toEqual([0, 0]);
  });
});
