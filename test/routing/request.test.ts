// Routing requests under a rule's condition.

import { describe, expect, test } from 'vitest';
import { anyNode, narrowed } from '../../src/routing/request.ts';

describe('a request under a condition', () => {
  test('asks for the terms of both, and is the same object each time', () => {
    const request = anyNode('me');
    const condition = { tag: 'LTE', country: undefined };
    const both = narrowed(request, condition);
    expect(both).toMatchObject({ user: 'me', terms: ['tag:lte'] });
    expect(narrowed(request, condition)).toBe(both);
    expect(narrowed(request, { tag: 'lte' })).not.toBe(both);
    expect(request.terms).toEqual([]);
  });

  test('follows a change of its user’s limits', () => {
    const request = anyNode('me');
    const condition = { tag: 'lte' };
    narrowed(request, condition);
    request.streamsMax = 3;
    expect(narrowed(request, condition).streamsMax).toBe(3);
    request.streamsMax = null;
    request.allowedTags = ['home'];
    expect(narrowed(request, condition)).toMatchObject({ streamsMax: null, allowedTags: ['home'] });
  });
});
