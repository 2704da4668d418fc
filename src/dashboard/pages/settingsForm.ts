// The owner's settings of a node as a form: limits, tags, country, rotation. It sends only what was changed.

import type { NodeChange, NodeView } from '../../model/fleet.ts';
import { changeNode } from './apiClient.ts';
import { busy, el, field } from './dom.ts';
import type { HubState } from './hubState.ts';
import { notify, notifyError } from './notices.ts';
import { changeOf, type FormValues, valuesOf } from './settingsChange.ts';

export interface SettingsForm {
  readonly root: HTMLElement;
  /** Shows the node's settings in the fields that the owner has not edited. */
  set(node: NodeView): void;
}

export function settingsForm(hub: HubState, id: string): SettingsForm {
  const number = (step: string): HTMLInputElement =>
    el('input', {
      type: 'number',
      min: step === 'any' ? 0 : 1,
      step,
      inputmode: 'decimal',
      placeholder: 'no limit',
    });
  const inputs: Record<keyof FormValues, HTMLInputElement> = {
    mbit: number('any'),
    streams: number('1'),
    quotaGB: number('any'),
    from: el('input', { type: 'time' }),
    to: el('input', { type: 'time' }),
    tags: el('input', { type: 'text', placeholder: 'home, lte', autocomplete: 'off' }),
    country: el('input', {
      type: 'text',
      placeholder: 'DE',
      maxlength: 2,
      autocomplete: 'off',
      pattern: '[A-Za-z]{2}',
    }),
    schedule: el('input', {
      type: 'text',
      placeholder: 'daily 04:30',
      autocomplete: 'off',
      spellcheck: 'false',
    }),
  };
  const save = el('button', { type: 'submit', class: 'primary', disabled: true }, 'Save');
  const undo = el('button', { type: 'button', hidden: true, click: () => fill() }, 'Undo');
  let node: NodeView | null = null;

  const form = el(
    'form',
    { class: 'settings' },
    el(
      'div',
      { class: 'fields' },
      field('Speed, Mbit/s', inputs.mbit, 'In each direction.'),
      field('Streams', inputs.streams, 'Open at once.'),
      field('Monthly quota, GB', inputs.quotaGB, 'Both directions together.'),
      el(
        'fieldset',
        { class: 'field' },
        el('legend', {}, 'Hours'),
        el('div', { class: 'hours' }, withLabel('From', inputs.from), '–', withLabel('To', inputs.to)),
        el('p', { class: 'hint' }, 'By the hub’s clock. Leave both empty for always.'),
      ),
      field('Tags', inputs.tags, 'Separated by commas. Requests can ask for a tag.'),
      field('Country', inputs.country, 'Two letters.'),
      field(
        'New address, by schedule',
        inputs.schedule,
        'For example every 6h or daily 04:30. Leave empty for never.',
      ),
    ),
    el('div', { class: 'actions' }, undo, save),
  );
  form.addEventListener('input', () => setDirty(Object.keys(change()).length > 0));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(save, send);
  });

  function values(): FormValues {
    return Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => [name, input.value]),
    ) as unknown as FormValues;
  }

  function change(): NodeChange {
    return node === null ? {} : changeOf(node, values());
  }

  function setDirty(dirty: boolean): void {
    save.disabled = !dirty;
    undo.hidden = !dirty;
  }

  function fill(): void {
    if (node === null) return;
    for (const [name, value] of Object.entries(valuesOf(node))) {
      const input = inputs[name as keyof FormValues];
      if (input.value !== value) input.value = value;
    }
    setDirty(false);
  }

  async function send(): Promise<void> {
    const { from, to } = values();
    if ((from === '') !== (to === '')) {
      notify('Set both hours, or neither.', 'bad');
      return;
    }
    try {
      node = await changeNode(id, change());
      fill();
      hub.setNode(node);
      notify('Saved.');
    } catch (error) {
      notifyError(error);
    }
  }

  return {
    root: el(
      'section',
      { class: 'card', 'aria-label': 'Limits and labels' },
      el('div', { class: 'cardHead' }, el('h2', {}, 'Limits and labels')),
      form,
    ),
    set(next) {
      const untouched = save.disabled;
      node = next;
      if (untouched) fill();
    },
  };
}

function withLabel(label: string, input: HTMLInputElement): HTMLInputElement {
  input.setAttribute('aria-label', label);
  return input;
}
