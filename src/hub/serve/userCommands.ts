// What the control socket offers about the proxy's users. Passwords do not come this way: the command line hashes them. The hub serves
// the table (controlSocket.ts).

import { z } from 'zod';
import { LISTING } from '../../limits/ownerBounds.ts';
import { isPasswordHash } from '../access/passwords.ts';
import type { Users } from '../store/userTable.ts';
import type { ControlHandler } from './controlSocket.ts';
import { checked } from './ownerCommands.ts';

const name = z.string().min(1).max(LISTING.textMaxChars);
const hash = z.string().refine(isPasswordHash, 'not a password hash of this version');
const streams = z.int().nullable();
const tags = z.array(name).max(LISTING.tagsMax).nullable();

export function userCommands(users: Users): Record<string, ControlHandler> {
  return {
    'users.list': () => users.list(),
    'users.add': checked(
      z.strictObject({ name, hash, limits: z.strictObject({ streams, tags }) }),
      ({ name, hash, limits }) => users.add(name, hash, limits, Date.now()),
    ),
    'users.set': checked(
      z.strictObject({
        name,
        hash: hash.exactOptional(),
        limits: z
          .strictObject({ streams: streams.exactOptional(), tags: tags.exactOptional() })
          .exactOptional(),
      }),
      ({ name, ...change }) => users.change(name, change, Date.now()),
    ),
    'users.remove': checked(z.strictObject({ name }), ({ name }) => users.remove(name)),
  };
}
