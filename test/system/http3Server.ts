// A web server that speaks HTTP/3 only: Caddy with a self-signed certificate.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../bench/machine/programs.ts';
import { type Address, eventually, Fatal, makeTempDir } from './harness.ts';
import { run } from './programs.ts';

const PORT = 18_443;

export interface Http3Server extends Address {
  /** The name in the certificate. */
  readonly name: string;
  /** SHA-256 of the certificate's public key, base64. */
  readonly keyHash: string;
  /** The protocols of the requests it has answered, by path. */
  protocols(path: string): string[];
  stop(): Promise<void>;
}

/**
 * Serves `files` by their names, answers /echo with the request's body, and says in X-Protocol what the request came by. Listens on
 * a loopback address that no other test has, as Caddy does not tell which port it was given.
 */
export async function startHttp3Server(files: Readonly<Record<string, Uint8Array>>): Promise<Http3Server> {
  const folder = makeTempDir();
  const host = `127.77.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
  const name = 'h3.test';
  const keyHash = await makeCertificate(folder, name);
  mkdirSync(join(folder, 'files'));
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, 'files', file), bytes);
  writeFileSync(join(folder, 'Caddyfile'), caddyfile(host, name));

  const args = ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'];
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(findProgram('caddy')!, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  await eventually(() => {
    if (hasEnded(child)) throw new Fatal(`caddy ended:\n${said}`);
    return said.includes('serving initial configuration');
  });
  return {
    host,
    port: PORT,
    name,
    keyHash,
    protocols(path) {
      const whole = said.slice(0, said.lastIndexOf('\n')).split('\n');
      const lines = whole.map((line) => JSON.parse(line) as { request?: { uri: string; proto: string } });
      return lines.flatMap(({ request }) => (request?.uri === path ? [request.proto] : []));
    },
    async stop() {
      process.off('exit', end);
      if (hasEnded(child)) return;
      end();
      await once(child, 'exit');
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function makeCertificate(folder: string, name: string): Promise<string> {
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const who = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-days', '10'];
  const { code, stderr } = await run('openssl', ['req', '-x509', ...key, ...files, ...who]);
  if (code !== 0) throw new Error(`openssl ended with ${code}: ${stderr}`);
  const { publicKey } = new X509Certificate(readFileSync(join(folder, 'certificate.pem')));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

function caddyfile(host: string, name: string): string {
  return `{
	admin off
	auto_https off
	servers {
		protocols h3
	}
}
https://${name}:${PORT} {
	bind ${host}
	tls certificate.pem key.pem
	log {
		format json
	}
	header X-Protocol {http.request.proto}
	header Cache-Control no-store
	respond /echo {http.request.body}
	root * files
	file_server
}
`;
}
