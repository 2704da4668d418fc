// `--pair -`: links from standard input.

import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { resolveLinks } from '../../src/cli/arguments/secrets.ts';
import { NODE } from '../../src/limits/node.ts';
import { formatLink } from '../../src/model/pairingLink.ts';

function linkTo(host: string): string {
  const secret = new Uint8Array(32).fill(7);
  return formatLink({ host, port: 9_000, hubPublicKey: secret, token: secret });
}

/** In pieces as a pipe may cut them. */
function input(text: string): Readable {
  return Readable.from([...text].map((letter) => Buffer.from(letter)));
}

const [one, two, three] = ['a.example', 'b.example', '192.0.2.1'].map(linkTo) as [string, string, string];

test('without - nothing is read', async () => {
  const untouched = new Readable({
    read() {
      throw new Error('was read');
    },
  });
  expect(await resolveLinks([one, two], untouched)).toEqual([one, two]);
});

test('one link a line, whatever the line ends are, behind those that were given', async () => {
  expect(await resolveLinks(['-'], input(one))).toEqual([one]);
  expect(await resolveLinks([one, '-'], input(`\n${two}\r\n\n  ${three}\n`))).toEqual([one, two, three]);
});

test.for([
  ['nothing', ' \n\n', /no link on standard input/],
  ['something else', `${one}\nhello\n`, /not a pairing link/],
  ['too many links', `${one}\n`.repeat(NODE.hubsMax + 1), /more than/],
  ['a file pasted by mistake', 'x'.repeat(100_000), /holds more than pairing links/],
] as const)('%s is refused in a sentence that repeats no link', async ([, text, sentence]) => {
  const refused = resolveLinks(['-'], input(text));
  await expect(refused).rejects.toThrow(sentence);
  const error = (await refused.catch((reason: unknown) => reason)) as UserError;
  expect(error).toBeInstanceOf(UserError);
  expect(error.exitCode).toBe(2);
  expect(error.message).not.toContain('t=');
});
