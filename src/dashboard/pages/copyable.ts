// A line of text with a button that copies it.

import { el } from './dom.ts';
import { notify } from './notices.ts';

/** `what` names it to screen readers: "the link". */
export function copyable(text: string, what: string): HTMLElement {
  const code = el('code', {}, text);
  const button = el('button', { type: 'button', class: 'copy', 'aria-label': `Copy ${what}` }, 'Copy');
  button.addEventListener('click', () => void copy(code, button));
  return el(
    'div',
    { class: 'copyable' },
    el('pre', { tabindex: 0, role: 'region', 'aria-label': what }, code),
    button,
  );
}

async function copy(code: HTMLElement, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '');
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2_000);
  } catch {
    // Without HTTPS or localhost there is no clipboard: select the text instead.
    getSelection()?.selectAllChildren(code);
    notify('Selected; copy it with Ctrl+C.');
  }
}
