// The API about the Android app that the hub hands out.

import { createRoute, z } from '@hono/zod-openapi';
import { json, newRoutes, refusals } from './apiRoute.ts';
import { PHONE_APP_NAME, type PhoneApp, readPhoneApp } from './phoneApp.ts';
import { ownedLater, Problem } from './problem.ts';
import { phoneApp } from './schemas.ts';

const APK = 'application/vnd.android.package-archive';

const getPhoneApp = createRoute({
  method: 'get',
  path: '/api/v1/phone-app',
  summary: 'The Android app that the hub hands out',
  responses: {
    200: json(phoneApp, 'Its size and SHA-256; 404 when the hub has none.'),
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
      const { content, sha256 } = await appOf(apk);
      return c.json({ name: PHONE_APP_NAME, bytes: content.length, sha256 }, 200);
    })
    .openapi(downloadPhoneApp, async (c) => {
      const { content } = await appOf(apk);
      c.header('Content-Type', APK);
      c.header('Content-Disposition', `attachment; filename="${PHONE_APP_NAME}"`);
      return c.body(content) as never;
    });
}

async function appOf(apk: string | null): Promise<PhoneApp> {
  const app = await ownedLater(500, readPhoneApp(apk));
  if (app === null) throw new Problem(404, 'this hub has no Android app to hand out');
  return app;
}
