// What every refusal is.

import { z } from '@hono/zod-openapi';

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What went wrong, in one sentence.'),
    exitCode: z
      .number()
      .int()
      .exactOptional()
      .describe('Exit code of a command that is refused for this, if not 1.'),
  })
  .openapi('Problem', { required: ['type', 'title', 'status', 'detail'], description: 'RFC 9457.' });
