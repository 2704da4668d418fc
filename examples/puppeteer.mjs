// Puppeteer: the browser has one proxy, each page its own user name.
import puppeteer from 'puppeteer-core';

const server = `http://${process.env.RESTUNNEL_HTTP ?? '127.0.0.1:1081'}`;
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Chromium never proxies targets on this machine's loopback, unless this says so; other pages do not need it.
  args: ['--no-sandbox', `--proxy-server=${server}`, '--proxy-bypass-list=<-loopback>'],
});
const page = await browser.newPage();
await page.authenticate({ username: 'shop-session-cart7', password: 'none' });
await page.goto(process.argv[2]);
process.stdout.write(await page.content());
await browser.close();
