// A parser for text/event-stream (WHATWG HTML, section 9.2), fed with text as it arrives. EventSource cannot send our token, so liveFeed.ts
// reads the stream itself. Pure.

export class EventStreamParser {
  readonly #hear: (event: string, data: string) => void;
  #rest = '';
  #event = '';
  #data: string[] = [];

  /** `hear` gets the event's name ("message" when it has none) and its data, lines joined by \n. */
  constructor(hear: (event: string, data: string) => void) {
    this.#hear = hear;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() as string;
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0)
        this.#hear(this.#event === '' ? 'message' : this.#event, this.#data.join('\n'));
      this.#event = '';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#event = value;
    else if (name === 'data') this.#data.push(value);
  }
}
