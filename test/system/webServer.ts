// A web server in front of a hub, nginx or Caddy, as docs/guides/behind-a-web-server.md sets it up: the configuration is taken from there.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { freePort } from './freePorts.ts';
import { eventually, makeTempDir } from './harness.ts';

export type Kind = 'nginx' | 'caddy';
const GUIDE = new URL('../../docs/guides/behind-a-web-server.md', import.meta.url);
export const PATH = '/some/path';

export class WebServer {
  readonly port = freePort();
  readonly ca: string;
  readonly #kind: Kind;
  readonly #folder = makeTempDir();
  #child: ChildProcess | null = null;

  /** `hub`: "host:port" of its --tunnel-websocket. */
  constructor(kind: Kind, hub: string) {
    this.#kind = kind;
    this.ca = makeCertificates(this.#folder);
    mkdirSync(join(this.#folder, 'html'));
    writeFileSync(join(this.#folder, 'html', '404.html'), '<!doctype html><p>There is no such page.</p>\n');
    writeFileSync(join(this.#folder, 'conf'), kind === 'nginx' ? this.#nginx(hub) : this.#caddy(hub));
  }

  get url(): string {
    return `wss://localhost:${this.port}${PATH}`;
  }

  async start(): Promise<void> {
    const conf = join(this.#folder, 'conf');
    const [command, ...args] =
      this.#kind === 'nginx'
        ? ['nginx', '-c', conf, '-e', join(this.#folder, 'error.log')]
        : ['caddy', 'run', '--config', conf, '--adapter', 'caddyfile'];
    const env = { ...process.env, HOME: this.#folder, PATH: `${process.env.PATH}:/usr/sbin` };
    this.#child = spawn(command!, args, { stdio: 'ignore', env });
    await eventually(() => answers(this.port));
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }

  /** What it answers, to the end of the connection, without the lines that say the time. */
  async ask(request: string): Promise<string> {
    const socket = tls.connect({
      port: this.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: readFileSync(this.ca),
    });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(request);
    await once(socket, 'close');
    return Buffer.concat(chunks)
      .toString('latin1')
      .replace(/^Date: .*\r\n/m, '');
  }

  #nginx(hub: string): string {
    const folder = this.#folder;
    const server = configOfGuide('nginx')
      .replace('listen 443 ssl;', `listen 127.0.0.1:${this.port} ssl;`)
      .replace('server_name hub.example.org;', 'server_name localhost;')
      .replace('/etc/ssl/hub.example.org.pem', join(folder, 'server.pem'))
      .replace('/etc/ssl/hub.example.org.key', join(folder, 'server.key'))
      .replace('/var/www/html', join(folder, 'html'))
      .replace('127.0.0.1:9001', hub);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${join(folder, name)};`,
    );
    return `daemon off; master_process off; pid ${join(folder, 'pid')}; error_log ${join(folder, 'error.log')};
events {}
http {
access_log off;
${temporary.join('\n')}
${server}
}
`;
  }

  #caddy(hub: string): string {
    const folder = this.#folder;
    const site = configOfGuide('caddyfile')
      .replace(
        'hub.example.org {',
        `https://localhost:${this.port} {\n\ttls ${join(folder, 'server.pem')} ${join(folder, 'server.key')}`,
      )
      .replace('/var/www/html', join(folder, 'html'))
      .replace('127.0.0.1:9001', hub);
    return `{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n${site}`;
  }
}

function configOfGuide(language: string): string {
  const block = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(readFileSync(GUIDE, 'utf8'))?.[1];
  if (block === undefined) throw new Error(`the guide has no configuration of ${language}`);
  return block;
}

/** A CA and what it has signed for localhost; the path of the CA. */
function makeCertificates(folder: string): string {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
  );
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n');
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    ...by,
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'server.pem',
  );
  return join(folder, 'ca.pem');
}

export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
