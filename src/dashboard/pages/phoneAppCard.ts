// What an Android phone needs before it can be paired: the app, where the hub has it.

import type { PhoneApp } from '../../model/fleet.ts';
import { getPhoneApp } from './apiClient.ts';
import { copyable } from './copyable.ts';
import { el } from './dom.ts';
import { bytes } from './format.ts';
import { notifyError } from './notices.ts';

/** Fills itself once the hub has said what it has. */
export function phoneAppCard(): HTMLElement {
  const card = el('section', { class: 'card stack' }, el('h2', {}, 'An Android phone needs the app first'));
  getPhoneApp().then(
    ({ app }) => card.append(...(app === null ? [el('p', { class: 'muted' }, MISSING)] : download(app))),
    notifyError,
  );
  return card;
}

const MISSING =
  'This hub has none to hand out: `npm run build:android` in a checkout makes it, and docs/guides/phone.md says the rest.';

function download({ name, bytes: size, sha256 }: PhoneApp): HTMLElement[] {
  return [
    el(
      'p',
      { class: 'muted' },
      'Get the file to the phone, by a cable or over a drive of your own, and open it there. Android 9 or newer. Its SHA-256:',
    ),
    copyable(sha256, 'the SHA-256 of the app'),
    el(
      'div',
      { class: 'actions' },
      el(
        'a',
        { class: 'button', href: `/api/v1/phone-app/${name}`, download: name },
        `Download ${name} (${bytes(size)})`,
      ),
    ),
  ];
}
