// Playwright: each context can have its own user name, and so its own device. Chromium sends no user name to a SOCKS proxy, so this uses
// the HTTP proxy.
import { chromium } from 'playwright-core';

const server = `http://${process.env.RESTUNNEL_HTTP ?? '127.0.0.1:1081'}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Chromium never proxies targets on this machine's loopback, unless this says so; other pages do not need it.
  args: ['--no-sandbox', '--proxy-bypass-list=<-loopback>'],
});
const context = await browser.newContext({
  proxy: { server, username: 'shop-session-cart7', password: 'none' },
});
const page = await context.newPage();
await page.goto(process.argv[2]);
process.stdout.write(await page.content());
await browser.close();
