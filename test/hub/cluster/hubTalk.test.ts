// Hubs that talk over a connection that does not let them.

import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { HubTalk } from '../../../src/hub/cluster/hubTalk.ts';

test('a subscription that NATS refuses is a line in the log, and not the end of the hub', async () => {
  const errors: unknown[] = [];
  const both = new Promise<void>((resolve) => {
    const talk = new HubTalk({
      ...{ cluster: 'fleet', hub: 'b'.repeat(16), name: () => 'berlin', answer: async () => null },
      others: () => new Map(),
      heardSays: () => {},
      heardUses: () => {},
      askedAll: () => {},
      onError: (error) => {
        if (errors.push(error) === 2) resolve();
      },
    });
    talk.connected({
      isClosed: () => false,
      publish: () => {},
      // biome-ignore lint/correctness/useYield: it ends as the library's does
      subscribe: async function* (subject: string) {
        throw new Error(`Permissions Violation for Subscription to "${subject}"`);
      },
    } as unknown as NatsConnection);
  });
  await both;
  expect(errors.map(String).sort()).toEqual([
    expect.stringContaining('restunnel.fleet.hubs'),
    expect.stringContaining('restunnel.fleet.questions'),
  ]);
});

test('nor is a word that is too long for NATS', () => {
  const errors: unknown[] = [];
  const talk = new HubTalk({
    ...{ cluster: 'fleet', hub: 'b'.repeat(16), name: () => 'berlin', answer: async () => null },
    others: () => new Map(),
    heardSays: () => {},
    heardUses: () => {},
    askedAll: () => {},
    onError: (error) => errors.push(error),
  });
  talk.connected({
    isClosed: () => false,
    publish: (_: string, body: string) => {
      if (body.length > 1_000) throw new Error('max_payload size exceeded');
    },
    subscribe: async function* () {},
  } as unknown as NatsConnection);
  talk.use({ hub: 'b'.repeat(16), nodes: {}, users: { ['a'.repeat(1_000)]: 1 } });
  expect(errors.map(String)).toEqual(['Error: max_payload size exceeded']);
});
