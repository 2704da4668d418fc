// Crawlee: each of its sessions becomes a sticky session. What it does under one session id (cookies, fingerprint) leaves from one device.
import { Configuration, HttpCrawler, ProxyConfiguration } from '@crawlee/http';

const hub = process.env.RESTUNNEL_HTTP ?? '127.0.0.1:1081';
const proxyConfiguration = new ProxyConfiguration({
  // Crawlee's ids have characters that a session name has not, such as the `-` of a UUID.
  newUrlFunction: (sessionId) => {
    const session = String(sessionId ?? 'none')
      .replace(/[^A-Za-z0-9_]/g, '_')
      .slice(0, 64);
    return `http://shop-session-${session}:none@${hub}`;
  },
});

const crawler = new HttpCrawler(
  {
    proxyConfiguration,
    useSessionPool: true,
    requestHandler: ({ body }) => {
      process.stdout.write(String(body));
    },
  },
  new Configuration({ persistStorage: false }),
);
await crawler.run([process.argv[2]]);
