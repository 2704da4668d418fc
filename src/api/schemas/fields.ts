// What the schemas of the API share. A schema checks what comes in, describes both ways in openapi.json and types the client; the compiler
// holds it equal to its type in model/ (test/api/schemas.test-d.ts).

import { z } from '@hono/zod-openapi';
import { LISTING } from '../../limits/owner.ts';

export const text = z.string().max(LISTING.textMaxChars);
export const time = z.iso.datetime();
export const nodeId = z.string().min(1).max(LISTING.textMaxChars);
export const count = z.number().int().min(0);
export const rate = z.number().min(0);

/** The description takes an exactOptional() field for a required one. */
export function allBut<Shape extends object>(shape: Shape, optional: keyof Shape & string): string[] {
  return Object.keys(shape).filter((field) => field !== optional);
}
