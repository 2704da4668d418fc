// How to send traffic through the fleet: lines to copy for each tool, with this hub's ports and the chosen device.

import { copyable } from './copyable.ts';
import { el, field, freshId, heading } from './dom.ts';
import type { HubState } from './hubState.ts';
import {
  type Choice,
  hintFor,
  nodeWord,
  reachable,
  recipe,
  sessionWord,
  TOOLS,
  type Tool,
  usernameOf,
} from './recipes.ts';
import { testFetchCard } from './testFetchCard.ts';
import type { View } from './view.ts';

export function useView(hub: HubState): View {
  const node = el('select');
  const tag = el('select');
  const country = el('select');
  const session = el('input', { type: 'text', maxlength: 64, autocomplete: 'off', placeholder: 'any word' });
  const lines = el('div', { class: 'stack' });
  const said = el('div', { class: 'said' });
  let tool: Tool = 'curl';
  let shown = '';

  const choose = el(
    'section',
    { class: 'card', 'aria-label': 'Which device' },
    el('div', { class: 'cardHead' }, el('h2', {}, 'Which device')),
    el(
      'div',
      { class: 'fields' },
      field('Device', node),
      field('Tag', tag),
      field('Country', country),
      field('Session', session, 'The same word keeps the same device, for as long as you use it.'),
    ),
    said,
  );
  choose.addEventListener('input', () => show());

  const tools = el('fieldset', { class: 'segments wrap' }, el('legend', { class: 'unseen' }, 'Tool'));
  const group = freshId('tool');
  for (const [name, label] of Object.entries(TOOLS)) {
    const input = el('input', { type: 'radio', name: group, value: name, checked: name === tool });
    input.addEventListener('change', () => {
      tool = name as Tool;
      show();
    });
    tools.append(el('label', {}, input, el('span', {}, label)));
  }
  const copy = el(
    'section',
    { class: 'card', 'aria-label': 'Lines to copy' },
    el('div', { class: 'cardHead' }, el('h2', {}, 'Lines to copy'), tools),
    lines,
  );
  const root = el(
    'div',
    { class: 'stack' },
    el(
      'div',
      { class: 'viewHead' },
      heading('Use it'),
      el(
        'p',
        { class: 'muted' },
        'Point any program on this server at the hub’s proxy. The user name says which device it goes through.',
      ),
    ),
    choose,
    copy,
    testFetchCard(device),
  );

  /** The one chosen, or any that is connected and fits. */
  function device(): { id: string; name: string } | null {
    const fits = [...hub.nodes.values()].filter(
      ({ state, tags, country: of }) =>
        state === 'connected' &&
        (tag.value === '' || tags.includes(tag.value)) &&
        (country.value === '' || of === country.value),
    );
    return hub.nodes.get(node.value) ?? fits[0] ?? null;
  }

  function fillChoices(): void {
    const nodes = [...hub.nodes.values()].filter(({ revoked }) => !revoked);
    nodes.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    setOptions(
      node,
      'Any device',
      nodes.map(({ id, name }) => [id, name]),
    );
    const tags = [...new Set(nodes.flatMap((one) => one.tags))].sort();
    setOptions(
      tag,
      'Any tag',
      tags.map((one) => [one, one]),
    );
    const countries = [...new Set(nodes.flatMap((one) => one.country ?? []))].sort();
    setOptions(
      country,
      'Any country',
      countries.map((one) => [one, one]),
    );
  }

  function choice(): Choice {
    const chosen = hub.nodes.get(node.value);
    return {
      node: chosen === undefined ? '' : nodeWord(chosen, hub.nodes.values()),
      tag: tag.value,
      country: country.value,
      session: sessionWord(session.value),
    };
  }

  function show(): void {
    if (hub.status === null) return;
    const { socks, http } = hub.status.addresses;
    const username = usernameOf(choice());
    const ports = { socks: reachable(socks), http: reachable(http) };
    const text = recipe(tool, ports, username);
    const key = `${tool}\n${text}\n${username}`;
    if (key === shown) return;
    shown = key;
    const hint = hintFor(tool, username);
    lines.replaceChildren(
      copyable(text, `the lines for ${TOOLS[tool]}`),
      ...(hint === null ? [] : [el('p', { class: 'hint' }, hint)]),
    );
    said.replaceChildren(
      ...(username === null
        ? [
            el(
              'p',
              { class: 'muted' },
              'Nothing chosen: the hub spreads connections over all connected devices.',
            ),
          ]
        : [
            el('p', {}, 'User name ', el('code', { class: 'username' }, username)),
            el(
              'p',
              { class: 'muted' },
              'Any password works while this hub has no users. If it has some, put a user’s name in place of the x.',
            ),
          ]),
    );
  }

  const unwatch = hub.watch(
    () => {},
    () => {
      fillChoices();
      show();
    },
  );
  fillChoices();
  show();
  return { title: 'Use it', root, close: unwatch };
}

/** Keeps the choice while it is offered. */
function setOptions(
  select: HTMLSelectElement,
  any: string,
  options: readonly (readonly [string, string])[],
): void {
  const { value } = select;
  const all = [['', any] as const, ...options];
  if (
    all.length === select.options.length &&
    all.every(([, label], at) => select.options[at]!.text === label)
  )
    return;
  select.replaceChildren(...all.map(([key, label]) => el('option', { value: key }, label)));
  select.value = all.some(([key]) => key === value) ? value : '';
}
