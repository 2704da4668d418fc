// A reader of the live channel, as an open dashboard is one: it counts what it is sent.

import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';

export class Viewer {
  bytes = 0;
  readonly #asked: ClientRequest;

  private constructor(asked: ClientRequest, response: IncomingMessage) {
    this.#asked = asked;
    response.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
    });
    response.on('error', () => {});
  }

  /** On the hub's own socket. Resolves once the hub answers. */
  static async open(socketPath: string, path: string): Promise<Viewer> {
    const asked = request({ socketPath, path, headers: { host: 'hub' } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`the live channel answers ${response.statusCode}`);
    asked.on('error', () => {});
    return new Viewer(asked, response);
  }

  close(): void {
    this.#asked.destroy();
  }
}
