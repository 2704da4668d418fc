// The button that fetches a test page through a device, and how long each step took, as bars on one timeline.

import { type TestFetch, testFetch } from './apiClient.ts';
import { actionButton, el, field } from './dom.ts';
import { millis } from './format.ts';

/** Answers with the caller's address and nothing else. */
const TEST_PAGE = 'https://icanhazip.com';

const STEP_WORDS: Readonly<Record<string, string>> = {
  proxy: 'Hub’s proxy answers',
  stream: 'Device reaches the target',
  tls: 'TLS with the target',
  firstByte: 'First byte of the answer',
  whole: 'Rest of the answer',
};

/** `device` gives the one to go through, or null when none is connected. */
export function testFetchCard(device: () => { id: string; name: string } | null): HTMLElement {
  const result = el('div', { class: 'testResult', 'aria-live': 'polite' });
  const address = el('input', {
    type: 'url',
    value: TEST_PAGE,
    autocomplete: 'off',
    spellcheck: 'false',
    inputmode: 'url',
  });
  const button = actionButton('Fetch a test page', { class: 'primary' }, async () => {
    const through = device();
    if (through === null) {
      result.replaceChildren(el('p', {}, 'No device is connected; pair one first.'));
      return;
    }
    result.replaceChildren(el('p', { class: 'muted' }, `Fetching through ${through.name}…`));
    try {
      result.replaceChildren(
        ...resultOf(await testFetch(through.id, address.value.trim() || TEST_PAGE), through.name),
      );
    } catch (error) {
      result.replaceChildren(
        el('p', { class: 'wrong' }, error instanceof Error ? error.message : String(error)),
      );
    }
  });
  return el(
    'section',
    { class: 'card', 'aria-label': 'Try it' },
    el('div', { class: 'cardHead' }, el('h2', {}, 'Try it'), button),
    el(
      'p',
      { class: 'muted' },
      'Fetches a page through the device chosen above. The default one answers with the address it sees.',
    ),
    field('Page to fetch', address),
    result,
  );
}

function resultOf(test: TestFetch, name: string): HTMLElement[] {
  const { address, status, url, error, totalMs } = test;
  const head =
    error !== null
      ? el('p', { class: 'wrong' }, `${name} could not fetch ${url}: ${error}`)
      : el(
          'p',
          {},
          address === null ? 'The target answered' : 'The target saw ',
          address === null ? null : el('strong', { class: 'seen' }, address),
          ` through ${name}, status ${status ?? '–'}, in ${millis(totalMs)}.`,
        );
  let start = 0;
  const steps = test.steps.map(({ step, ms }) => {
    const bar = el('span', { class: 'span' });
    bar.style.setProperty('--from', String(totalMs > 0 ? start / totalMs : 0));
    bar.style.setProperty('--share', String(totalMs > 0 ? ms / totalMs : 0));
    start += ms;
    return el(
      'li',
      {},
      el('span', { class: 'words' }, STEP_WORDS[step] ?? step),
      el('span', { class: 'track' }, bar),
      el('span', { class: 'times' }, millis(ms)),
    );
  });
  return [head, el('ol', { class: 'timeline' }, ...steps)];
}
