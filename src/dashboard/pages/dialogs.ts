// Modal dialogs on <dialog>: the browser keeps the focus inside and gives it back.

import { busy, el, field, freshId } from './dom.ts';
import { notifyError } from './notices.ts';

interface Asked {
  readonly title: string;
  readonly body: readonly (Node | string)[];
  readonly action: string;
  readonly danger?: boolean;
  /** Does it. If it rejects, the dialog stays open and shows the reason. */
  run(): Promise<void>;
}

/** The action is enabled while `isReady` says so. */
function openDialog(
  { title, body, action, danger = false, run }: Asked,
  isReady: () => boolean,
): HTMLDialogElement {
  const titleId = freshId('dialog');
  const act = el('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, action);
  const cancel = el('button', { type: 'button', click: () => dialog.close() }, 'Cancel');
  const form = el(
    'form',
    { method: 'dialog' },
    el('h2', { id: titleId }, title),
    ...body,
    el('div', { class: 'actions' }, cancel, act),
  );
  const dialog = el('dialog', { 'aria-labelledby': titleId, close: () => dialog.remove() }, form);
  const check = (): void => {
    act.disabled = !isReady();
  };
  form.addEventListener('input', check);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(act, async () => {
      try {
        await run();
        dialog.close();
      } catch (error) {
        notifyError(error);
      }
    });
  });
  check();
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** For what cannot be undone: the owner must type the name. */
export function confirmByName(name: string, asked: Asked): void {
  const input = el('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autofocus: true });
  const body = [...asked.body, field(`Type ${name} to confirm`, input)];
  openDialog({ ...asked, body, danger: true }, () => input.value.trim() === name.trim());
}

export function askText(
  label: string,
  value: string,
  asked: Omit<Asked, 'body' | 'run'> & { run(text: string): Promise<void> },
): void {
  const input = el('input', { type: 'text', value, autocomplete: 'off', required: true, maxlength: 64 });
  const dialog = openDialog(
    { ...asked, body: [field(label, input)], run: () => asked.run(input.value.trim()) },
    () => input.value.trim() !== '' && input.value.trim() !== value,
  );
  dialog.querySelector('input')?.select();
}
