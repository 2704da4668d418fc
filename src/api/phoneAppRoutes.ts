// The API about the Android app that the hub hands out.

import { createRoute, z } from '@hono/zod-openapi';
import { json, newRoutes, refusals } from './apiRoute.ts';
import { PHONE_APP_NAME, type PhoneApp, readPhoneApp } from './phoneApp.ts';
import { ownedLater, Problem } from './problem.ts';
import { phoneApp } from './schemas/pairing.ts';

const APK = 'application/vnd.android.package-archive';

const getPhoneApp = createRoute({
  method: 'get',
  path: '/api/v1/phone-app',
  summary: 'The Android app that the hub hands out',
  responses: {
    200: json(z.object({ app: phoneApp.nullable() }), 'Its size and SHA-256; null when the hub has none.'),
    ...refusals,
  },
});

const downloadPhoneApp = createRoute({
  method: 'get',
  path: `/api/v1/phone-app/${PHONE_APP_NAME}`,
  summary: 'Download the Android app',
  responses: {
    200: { description: 'The APK.', content: { [APK]: { schema: z.string().meta({ format: 'binary' }) } } },
    ...refusals,
  },
});

/** @param apk the owner's file; null: the one beside the installation */
export function phoneAppRoutes(apk: string | null) {
  return newRoutes()
    .openapi(getPhoneApp, async (c) => {
      const found = await appOf(apk);
      return c.json({ app: found === null ? null : described(found) }, 200);
    })
    .openapi(downloadPhoneApp, async (c) => {
      const found = await appOf(apk);
      if (found === null) throw new Problem(404, 'this hub has no Android app to hand out');
      c.header('Content-Type', APK);
      c.header('Content-Disposition', `attachment; filename="${PHONE_APP_NAME}"`);
      return c.body(found.content) as never;
    });
}

function appOf(apk: string | null): Promise<PhoneApp | null> {
  return ownedLater(500, readPhoneApp(apk));
}

function described({ content, sha256 }: PhoneApp) {
  return { name: PHONE_APP_NAME, bytes: content.length, sha256 };
}
