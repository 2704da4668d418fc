// Short notices of what just happened: shown at the bottom for some seconds, and read out politely by screen readers.

import { el } from './dom.ts';

const SHOWN_MS = 6_000;
/** News within this time is read out as one sentence. */
const GATHER_MS = 1_500;

/** The answer to something the owner did. */
export function notify(text: string, tone: 'good' | 'bad' = 'good'): void {
  const note = el('p', { class: `notice ${tone}` }, text);
  const list = document.getElementById('notices');
  list?.append(note);
  setTimeout(() => note.remove(), tone === 'bad' ? 2 * SHOWN_MS : SHOWN_MS);
}

export function notifyError(error: unknown): void {
  notify(error instanceof Error ? error.message : String(error), 'bad');
}

let waiting: string[] = [];

/** Read out, not shown: the page shows it already. */
export function announce(text: string): void {
  if (waiting.length === 0) {
    setTimeout(() => {
      const said = waiting.length > 3 ? `${waiting.length} changes in the fleet` : waiting.join('; ');
      waiting = [];
      const announcer = document.getElementById('announcer');
      if (announcer !== null) announcer.textContent = said;
    }, GATHER_MS);
  }
  waiting.push(text);
}
