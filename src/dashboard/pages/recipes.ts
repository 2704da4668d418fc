// The lines that send a program's traffic through the hub, and the user name that chooses the device. Pure.

import type { NodeView } from '../../model/fleet.ts';

export interface Choice {
  /** A node's word (nodeWord). Here and below, empty means any. */
  readonly node: string;
  readonly tag: string;
  readonly country: string;
  readonly session: string;
}

/** "user-key-value-key-value…"; null when nothing is asked for and none is needed. */
export function usernameOf({ node, tag, country, session }: Choice): string | null {
  const parts = [
    node === '' ? '' : `-node-${node}`,
    tag === '' ? '' : `-tag-${folded(tag)}`,
    country === '' ? '' : `-country-${country.toLowerCase()}`,
    session === '' ? '' : `-session-${session}`,
  ].join('');
  return parts === '' ? null : `x${parts}`;
}

/** What a session may be called: everything else becomes "_". */
export function sessionWord(text: string): string {
  return text
    .trim()
    .replace(/[^A-Za-z0-9_]/g, '_')
    .slice(0, 64);
}

/** A user name holds letters, digits and "_": the name in that spelling, or the id where another device's would be the same. */
export function nodeWord(node: NodeView, all: Iterable<NodeView>): string {
  const word = folded(node.name);
  if (!/[a-z0-9]/.test(word)) return node.id;
  for (const other of all)
    if (other.id !== node.id && !other.revoked && folded(other.name) === word) return node.id;
  return word;
}

function folded(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '_');
}

/** The address at which this machine reaches a port that is bound to every address. */
export function reachable(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}

export interface Ports {
  readonly socks: string;
  readonly http: string;
}

export const TOOLS = {
  curl: 'curl',
  playwright: 'Playwright',
  puppeteer: 'Puppeteer',
  scrapy: 'Scrapy',
  crawlee: 'Crawlee',
  requests: 'requests',
  httpx: 'httpx',
  go: 'Go',
} as const;
export type Tool = keyof typeof TOOLS;

/** Any password goes with `username` unless the hub has users. */
export function recipe(tool: Tool, { socks, http }: Ports, username: string | null): string {
  const login = username === null ? '' : `${username}:x@`;
  const proxy = `http://${login}${http}`;
  switch (tool) {
    case 'curl':
      return [
        `curl -x socks5h://${login}${socks} https://example.com`,
        `curl -x ${proxy} https://example.com`,
      ].join('\n');
    case 'playwright':
      return lines(
        "import { chromium } from 'playwright';",
        '',
        'const browser = await chromium.launch({',
        '  proxy: {',
        `    server: 'http://${http}',`,
        username !== null && `    username: '${username}',`,
        username !== null && "    password: 'x',",
        '  },',
        '});',
        'const page = await browser.newPage();',
        "await page.goto('https://example.com');",
      );
    case 'puppeteer':
      return lines(
        "import puppeteer from 'puppeteer';",
        '',
        'const browser = await puppeteer.launch({',
        `  args: ['--proxy-server=http://${http}'],`,
        '});',
        'const page = await browser.newPage();',
        username !== null && `await page.authenticate({ username: '${username}', password: 'x' });`,
        "await page.goto('https://example.com');",
      );
    case 'scrapy':
      return lines(
        'def start_requests(self):',
        '    for url in self.start_urls:',
        `        yield scrapy.Request(url, meta={"proxy": "${proxy}"})`,
      );
    case 'crawlee':
      return lines(
        "import { CheerioCrawler, ProxyConfiguration } from 'crawlee';",
        '',
        '// Each session of Crawlee stays on one device.',
        'const proxyConfiguration = new ProxyConfiguration({',
        `  newUrlFunction: (sessionId) => \`http://${crawleeUser(username)}:x@${http}\`,`,
        '});',
        'const crawler = new CheerioCrawler({',
        '  proxyConfiguration,',
        '  useSessionPool: true,',
        '  requestHandler: async ({ $ }) => console.log($("title").text()),',
        '});',
        "await crawler.run(['https://example.com']);",
      );
    case 'requests':
      return lines(
        'import requests',
        '',
        `proxy = "${proxy}"`,
        'page = requests.get("https://example.com", proxies={"http": proxy, "https": proxy})',
        'print(page.status_code)',
      );
    case 'httpx':
      return lines(
        'import httpx',
        '',
        `with httpx.Client(proxy="${proxy}") as client:`,
        '    print(client.get("https://example.com").status_code)',
      );
    case 'go':
      return lines(
        `proxy, _ := url.Parse("${proxy}")`,
        'client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}',
        'page, err := client.Get("https://example.com")',
      );
  }
}

/** What the lines alone do not say; null: nothing. */
export function hintFor(tool: Tool, username: string | null): string | null {
  if (username === null || (tool !== 'playwright' && tool !== 'puppeteer')) return null;
  return 'Chromium sends a user name only to a proxy that asks for one, and the hub asks when it has users (restunnel users add NAME) or was started with --ask-user.';
}

/** A session chosen by hand would make all of Crawlee's sessions one. */
function crawleeUser(username: string | null): string {
  return `${(username ?? 'x').replace(/-session-.*$/, '')}-session-\${sessionId ?? '0'}`;
}

function lines(...all: (string | false)[]): string {
  return all.filter((line) => line !== false).join('\n');
}
