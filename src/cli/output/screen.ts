// A view that is drawn over itself on the terminal's alternate screen, and leaves the terminal as it was however the process ends.

import type { ReadStream, WriteStream } from 'node:tty';

const CSI = '\u001b[';
const ENTER = `${CSI}?1049h${CSI}?25l${CSI}?7l`;
const LEAVE = `${CSI}?7h${CSI}?25h${CSI}?1049l`;
/** Terminals that know it show nothing between the two (synchronized output); the others ignore it. */
const BEGIN_FRAME = `${CSI}?2026h`;
const END_FRAME = `${CSI}?2026l`;

/** What to write so that exactly these lines are on the screen: no line is erased before it is written, so nothing flickers. */
export function frameOf(lines: readonly string[]): string {
  const drawn = lines.map((line) => `${line}${CSI}K`).join('\r\n');
  return `${BEGIN_FRAME}${CSI}H${drawn}${CSI}J${END_FRAME}`;
}

export class Screen {
  readonly #out: WriteStream;
  readonly #in: ReadStream | null;
  readonly #restore = () => this.leave();
  #entered = false;

  /** `input` may be something else than a terminal: then there are no keys. */
  constructor(out: WriteStream, input: ReadStream) {
    this.#out = out;
    this.#in = input.isTTY ? input : null;
  }

  /** The last column stays free: what is erased behind a full line would be its last character. */
  get width(): number {
    return (this.#out.columns || 80) - 1;
  }

  get height(): number {
    return this.#out.rows || 24;
  }

  /** Keys come as they are pressed: Ctrl-C is one of them. */
  enter(onKey: (key: string) => void, onResize: () => void): void {
    this.#entered = true;
    process.once('exit', this.#restore);
    this.#out.write(ENTER);
    this.#out.on('resize', onResize);
    this.#in?.setRawMode(true);
    this.#in?.setEncoding('utf8').on('data', (keys: string) => {
      for (const key of keys) onKey(key);
    });
  }

  draw(lines: readonly string[]): void {
    if (this.#entered) this.#out.write(frameOf(lines));
  }

  /** Harmless twice. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    process.off('exit', this.#restore);
    this.#in?.setRawMode(false);
    this.#in?.pause();
    this.#out.write(LEAVE);
  }
}
