// Playwright: every context may have a route of its own. Chromium has no SOCKS passwords, so it goes over the HTTP proxy, and
// `server` and `username` say which way.
import { chromium } from 'playwright-core';

const server = `http://${process.env.RESTUNNEL_HTTP ?? '127.0.0.1:1081'}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Targets on this machine's own loopback are never proxied by Chromium unless told so; other pages need no such word.
  args: ['--no-sandbox', '--proxy-bypass-list=<-loopback>'],
});
const context = await browser.newContext({
  proxy: { server, username: 'shop-session-cart7', password: 'none' },
});
const page = await context.newPage();
await page.goto(process.argv[2]);
process.stdout.write(await page.content());
await browser.close();
