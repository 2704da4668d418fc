// Asks a dashboard over a real socket, as a script or a page would.

import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { FakeDashboard } from '../dashboard/serveFake.ts';

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export function portOf({ dashboard }: FakeDashboard): number {
  return Number(dashboard.address.slice(dashboard.address.lastIndexOf(':') + 1));
}

export function ask(
  fake: FakeDashboard,
  path: string,
  { method = 'GET', headers = {}, body }: Asked = {},
): Promise<Answer> {
  const content = body === undefined ? null : JSON.stringify(body);
  const all = content === null ? headers : { 'Content-Type': 'application/json', ...headers };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: portOf(fake), path, method, headers: all, agent: false },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (more: string) => {
          text += more;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, text }));
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(content ?? undefined);
  });
}

/** What a script sends. */
export function bearerOf({ dataDir }: FakeDashboard): { Authorization: string } {
  return { Authorization: `Bearer ${readFileSync(join(dataDir, 'dashboard.token'), 'utf8').trim()}` };
}

/** What a page of ours sends: the cookie that it got, and the token that it read. */
export async function sessionOf(
  fake: FakeDashboard,
): Promise<{ Cookie: string; 'X-Restunnel-Token': string }> {
  const { headers, text } = await ask(fake, '/api/v1/session');
  const cookie = headers['set-cookie']![0]!.split(';')[0]!;
  return { Cookie: cookie, 'X-Restunnel-Token': (JSON.parse(text) as { token: string }).token };
}

/** Sends bytes as they are; resolves with everything that came until the other side ended. */
export function say(fake: FakeDashboard, ...pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(portOf(fake), '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece);
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    // An RST after the answer also ends it.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(heard));
  });
}
