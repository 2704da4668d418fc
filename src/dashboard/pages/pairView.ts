// Pairing: one button makes a link that works once. The page changes by itself when a device has used it.

import type { Pairing, PairingState } from '../../model/fleet.ts';
import { cancelPairing, getPairing, makePairing } from './apiClient.ts';
import { copyable } from './copyable.ts';
import { actionButton, busy, el, field, freshId, heading, setText } from './dom.ts';
import { countdown } from './format.ts';
import type { HubState } from './hubState.ts';
import { announce, notifyError } from './notices.ts';
import { phoneAppCard } from './phoneAppCard.ts';
import { qrCode } from './qrCode.ts';
import type { View } from './view.ts';

const ASK_EVERY_MS = 2_000;
/** On a phone, what is beside the code: the page's margins and the card's edges. */
const FRAME_PX = 34;

const NO_PHONE = 'The app on a phone does not follow this link. Other devices do:';

type Way = 'both' | 'direct' | 'webSocket';
const WAYS: Readonly<Record<Way, { label: string; hint: string }>> = {
  both: { label: 'Both ways', hint: 'The device tries the hub’s own port first, then the web server.' },
  direct: { label: 'Direct', hint: 'The device dials the hub’s own port only.' },
  webSocket: {
    label: 'WebSocket',
    hint: 'Through the web server only, where a network lets nothing else out.',
  },
};
/** Kept for the next link. */
let chosen: Way = 'both';

/** Kept while the page is open, so that the owner finds the same link after a look at another view. */
let open: Pairing | null = null;

export function pairView(hub: HubState): View {
  const stage = el('div', { class: 'stage' });
  const root = el(
    'div',
    { class: 'stack narrow' },
    el('div', { class: 'viewHead' }, heading('Pair a device')),
    stage,
  );
  let timers: number[] = [];
  let closed = false;

  function stopTimers(): void {
    for (const timer of timers) clearInterval(timer);
    timers = [];
  }

  function put(...children: Node[]): void {
    stopTimers();
    // The focus would fall to the page's top with the button that had it.
    const hadFocus = stage.contains(document.activeElement);
    stage.replaceChildren(...children);
    if (hadFocus) stage.querySelector<HTMLElement>('h2')?.focus();
  }

  function showStart(note: string | null): void {
    open = null;
    const name = el('input', {
      type: 'text',
      maxlength: 64,
      autocomplete: 'off',
      placeholder: 'the device’s own',
    });
    const make = el('button', { type: 'submit', class: 'primary big' }, 'Make a pairing link');
    const form = el('form', { class: 'card stage' }, field('Name (optional)', name), make);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void busy(make, async () => {
        try {
          open = await makePairing(name.value.trim() || null);
          if (!closed) showLink(open);
        } catch (error) {
          notifyError(error);
        }
      });
    });
    const text = 'The link works once, for one device, for ten minutes. Until then, keep it secret.';
    put(
      ...(note === null ? [] : [el('p', { class: 'noteLine', role: 'status' }, note)]),
      el('p', { class: 'muted' }, text),
      form,
      phoneAppCard(),
    );
  }

  function showLink(pairing: Pairing): void {
    const left = el('span', { class: 'countdown' });
    const cancel = actionButton('Cancel this link', {}, async () => {
      try {
        await cancelPairing(pairing.id);
        showStart('The link was cancelled. Nobody can use it now.');
      } catch (error) {
        notifyError(error);
      }
    });
    const code = el('div', { class: 'qrBox' });
    const words = el('div', { class: 'stack' });
    const showWay = (way: Way): void => {
      const { link, phone } = linkOf(pairing, way);
      code.replaceChildren(qrCode(link, document.documentElement.clientWidth - FRAME_PX));
      words.replaceChildren(
        el('p', { class: 'muted' }, phone ? 'A phone’s camera reads this link from the code:' : NO_PHONE),
        copyable(link, 'the pairing link'),
        ...(phone ? [fingerprintLine(pairing)] : []),
        el('p', { class: 'muted' }, 'Run this on the device. It needs Node.js 20 or later:'),
        copyable(`npx restunnel node --pair "${link}"`, 'the command line'),
      );
    };
    put(
      el(
        'section',
        { class: 'card pairing' },
        code,
        el(
          'div',
          { class: 'stack' },
          el('h2', { tabindex: -1 }, 'Waiting for the device…'),
          ...(pairing.bothWaysLink === null ? [] : [wayChoice(showWay)]),
          words,
          el('div', { class: 'actions' }, el('p', { class: 'muted' }, 'Works for ', left), cancel),
        ),
      ),
    );
    showWay(chosen);
    const tick = (): void => setText(left, countdown(Date.parse(pairing.expiresAt) - Date.now()));
    tick();
    timers = [setInterval(tick, 1_000), setInterval(() => void ask(pairing), ASK_EVERY_MS)];
  }

  async function ask(pairing: Pairing): Promise<void> {
    let state: PairingState;
    try {
      state = await getPairing(pairing.id);
    } catch {
      if (Date.parse(pairing.expiresAt) < Date.now()) showStart('The link has expired.');
      return;
    }
    if (closed || open !== pairing) return;
    if (state.state === 'used') showUsed(state);
    else if (state.state === 'expired') showStart('The link has expired; nobody used it.');
    else if (state.state === 'cancelled') showStart('The link was cancelled.');
  }

  function showUsed(state: PairingState): void {
    const { nodeId, nodeName, nodeConnected } = state;
    const name = nodeName ?? 'The device';
    const words = nodeConnected ? `${name} is connected` : `${name} is paired, connecting…`;
    const pairing = open;
    if (stage.querySelector('h2')?.textContent === words) return;
    put(
      el(
        'section',
        { class: 'card done' },
        el(
          'span',
          { class: nodeConnected ? 'tick' : 'tick waiting', 'aria-hidden': 'true' },
          nodeConnected ? '✓' : '…',
        ),
        el('h2', { tabindex: -1 }, words),
        el('p', { class: 'muted' }, 'Programs on this server can now reach the web through it.'),
        el(
          'div',
          { class: 'actions' },
          nodeId === null
            ? null
            : el('a', { class: 'button', href: `#/nodes/${encodeURIComponent(nodeId)}` }, `Show ${name}`),
          el('a', { class: 'button primary', href: '#/use' }, 'Use it'),
          el('button', { type: 'button', click: () => showStart(null) }, 'Pair another'),
        ),
      ),
    );
    announce(words);
    if (nodeConnected) open = null;
    else if (pairing !== null) timers = [setInterval(() => void ask(pairing), ASK_EVERY_MS)];
  }

  // A tick that tells of a device is the moment to ask; the timer is for when none comes.
  const unwatch = hub.watch(
    ({ tick }) => {
      const isNews = tick.events.some(({ kind }) => kind === 'paired' || kind === 'connected');
      if (open !== null && isNews) void ask(open);
    },
    () => {},
  );
  if (open !== null && Date.parse(open.expiresAt) > Date.now()) {
    showLink(open);
    void ask(open);
  } else showStart(null);
  return {
    title: 'Pair a device',
    root,
    close() {
      closed = true;
      stopTimers();
      unwatch();
    },
  };
}

/** `phone`: its app follows the link. */
function linkOf({ link, webSocketLink, bothWaysLink }: Pairing, way: Way): { link: string; phone: boolean } {
  if (way === 'webSocket' && webSocketLink !== null) return { link: webSocketLink, phone: false };
  return { link: (way === 'both' ? bothWaysLink : null) ?? link, phone: true };
}

/** Where a web server is in front of the hub. */
function wayChoice(show: (way: Way) => void): HTMLElement {
  const hint = el('p', { class: 'hint' }, WAYS[chosen].hint);
  const segments = el('fieldset', { class: 'segments wrap' }, el('legend', { class: 'unseen' }, 'Way'));
  const name = freshId('way');
  for (const [way, { label }] of Object.entries(WAYS) as [Way, (typeof WAYS)[Way]][]) {
    const input = el('input', { type: 'radio', name, value: way, checked: way === chosen });
    input.addEventListener('change', () => {
      chosen = way;
      setText(hint, WAYS[way].hint);
      show(way);
    });
    segments.append(el('label', {}, input, el('span', {}, label)));
  }
  return el('div', {}, segments, hint);
}

function fingerprintLine({ fingerprint }: Pairing): HTMLElement {
  const words = 'Before it pairs, the app on a phone shows this fingerprint of the hub’s key: ';
  return el('p', { class: 'muted' }, words, el('code', {}, fingerprint));
}
