// A name server on the loopback of this thread's network namespace, and a way to start programs that use it.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../bench/machine/programs.ts';
import { answerTo, nameOf } from '../node/dnsAnswer.ts';

/** Hundreds of questions arrive before this process reads the first. */
const RECEIVE_BYTES = 4_194_304;
const TTL_SECONDS = 300;

export class NameServer {
  /** Names asked for, as often as they were. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param addressesOf null: there is no such name; 'silent': no answer */
  static async start(
    addressesOf: (name: string) => readonly string[] | null | 'silent',
  ): Promise<NameServer> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BYTES });
    const server = new NameServer(socket);
    socket.on('message', (query, { port, address }) => {
      const name = nameOf(query);
      server.asked.push(name);
      const addresses = addressesOf(name);
      if (addresses !== 'silent') socket.send(answerTo(query, addresses, TTL_SECONDS), port, address);
    });
    socket.bind(53, '127.0.0.1');
    await once(socket, 'listening');
    return server;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Before a command: it sees these files of ours in /etc. */
export function withFiles(folder: string, files: Readonly<Record<string, string>>): string[] {
  const mounts = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return `mount --bind '${join(folder, name)}' '/etc/${name}'`;
  });
  const script = `${mounts.join(' && ')} && exec "$0" "$@"`;
  return [findProgram('unshare') ?? 'unshare', '-m', 'sh', '-c', script];
}
