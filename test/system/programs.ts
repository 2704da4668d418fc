// Runs other people's clients against a hub's proxies: curl, ncat, Chromium, and npm's proxy agents.

import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { ProxyAgent, request } from 'undici';
import { findProgram } from '../../bench/machine/programs.ts';
import { type Hub, makeTempDir } from './harness.ts';

export interface Fetched {
  readonly status: number;
  readonly body: Buffer;
}

export interface Client {
  readonly name: string;
  /** Absent for clients from npm. */
  readonly program?: string;
  fetch(hub: Hub, url: string): Promise<Fetched>;
}

const PROGRAM_MS = 50_000;

/** Runs a program to its end. `feed` is its standard input, which then ends. */
export function run(
  program: string,
  args: readonly string[],
  feed: string | Uint8Array = '',
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(findProgram(program) ?? program, args, {
      env: { ...process.env, http_proxy: '', https_proxy: '', all_proxy: '', no_proxy: '', NO_PROXY: '' },
      timeout: PROGRAM_MS,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdin.on('error', () => {});
    child.stdin.end(feed);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

function curl(name: string, proxy: (hub: Hub) => string[]): Client {
  return {
    name,
    program: 'curl',
    async fetch(hub, url) {
      const { code, stdout, stderr } = await run('curl', [...curlArgs, ...proxy(hub), url]);
      if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`);
      return { status: Number(stderr), body: stdout };
    },
  };
}

/** Quiet, with the status on stderr and everything in the environment or in ~/.curlrc left alone. */
const curlArgs = [
  '-q',
  '--silent',
  '--show-error',
  '--max-time',
  '45',
  '--write-out',
  '%{stderr}%{http_code}',
];

function ncat(name: string, proxyType: 'socks5' | 'http', proxyOf: (hub: Hub) => string): Client {
  return {
    name,
    program: 'ncat',
    async fetch(hub, url) {
      const { hostname, port, pathname, search, host } = new URL(url);
      const args = ['--proxy', proxyOf(hub), '--proxy-type', proxyType, hostname, port];
      const feed = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const { code, stdout, stderr } = await run('ncat', args, feed);
      if (code !== 0) throw new Error(`ncat ended with ${code}: ${stderr}`);
      const headEnd = stdout.indexOf('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(stdout.toString('latin1'))?.[1]);
      return { status, body: stdout.subarray(headEnd + 4) };
    },
  };
}

function undici(name: string, proxyTunnel: boolean): Client {
  return {
    name,
    async fetch(hub, url) {
      const dispatcher = new ProxyAgent({ uri: `http://${hub.ready.http}`, proxyTunnel });
      try {
        const { statusCode, body } = await request(url, { dispatcher });
        return { status: statusCode, body: Buffer.from(await body.arrayBuffer()) };
      } finally {
        await dispatcher.close();
      }
    },
  };
}

const socksAgent: Client = {
  name: 'node:http with socks-proxy-agent',
  fetch(hub, url) {
    const agent = new SocksProxyAgent(`socks5h://${hub.ready.socks}`);
    return new Promise((resolve, reject) => {
      get(url, { agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          agent.destroy();
          resolve({ status: response.statusCode!, body: Buffer.concat(chunks) });
        });
      }).on('error', reject);
    });
  },
};

export const CLIENTS: readonly Client[] = [
  curl('curl --socks5', (hub) => ['--socks5', hub.ready.socks]),
  curl('curl --socks5-hostname', (hub) => ['--socks5-hostname', hub.ready.socks]),
  curl('curl --socks5-hostname with user and password', (hub) => [
    '--socks5-hostname',
    hub.ready.socks,
    '--proxy-user',
    'user:secret',
  ]),
  curl('curl -x (absolute form)', (hub) => ['-x', `http://${hub.ready.http}`]),
  curl('curl -x with user and password', (hub) => ['-x', `http://user:secret@${hub.ready.http}`]),
  curl('curl -p -x (CONNECT)', (hub) => ['-p', '-x', `http://${hub.ready.http}`]),
  ncat('ncat --proxy-type socks5', 'socks5', (hub) => hub.ready.socks),
  ncat('ncat --proxy-type http', 'http', (hub) => hub.ready.http),
  undici('undici ProxyAgent (CONNECT)', true),
  undici('undici ProxyAgent (absolute form)', false),
  socksAgent,
];

/** The DOM of a page after its load event, as a headless browser with a fresh profile has it. */
export async function dumpDom(proxyServer: string, url: string): Promise<string> {
  const { code, stdout, stderr } = await run('chromium', [
    '--headless',
    // It refuses its sandbox to root, which containers usually are.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--user-data-dir=${makeTempDir()}`,
    `--proxy-server=${proxyServer}`,
    '--proxy-bypass-list=<-loopback>',
    '--dump-dom',
    url,
  ]);
  if (code !== 0) throw new Error(`chromium ended with ${code}: ${stderr}`);
  return stdout.toString();
}
