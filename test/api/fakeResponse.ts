// A response without a connection.

import { EventEmitter } from 'node:events';

/** What Live knows of a response. */
export class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  writableNeedDrain = false;
  destroyed = false;

  writeHead(): void {}

  write(bytes: Buffer): boolean {
    this.written.push(bytes.toString());
    return true;
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}
