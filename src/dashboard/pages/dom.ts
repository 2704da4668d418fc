// Elements without markup: every text goes in as text, so a device's name can never become code.

type Child = Node | string | null;
type Value = string | number | boolean | null | undefined | ((event: Event) => void);

/** Attributes (true: present, false or null: absent) and listeners (functions, by event name). */
export type Attributes = Readonly<Record<string, Value>>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

/** Touches the page only when the text changes. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setTitle(element: HTMLElement, title: string): void {
  if (element.title !== title) element.title = title;
}

/** A heading that can take the focus when its view opens. */
export function heading(text: string): HTMLHeadingElement {
  return el('h1', { tabindex: -1 }, text);
}

/** A button that is busy, and cannot be pressed again, until `work` is done. */
export function actionButton(
  label: string,
  attributes: Attributes,
  work: () => Promise<void>,
): HTMLButtonElement {
  const button = el('button', { type: 'button', ...attributes }, label);
  button.addEventListener('click', () => void busy(button, work));
  return button;
}

/** aria-disabled, not disabled: the focus stays where it was. */
export async function busy(button: HTMLButtonElement, work: () => Promise<void>): Promise<void> {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

let lastId = 0;
export function freshId(prefix: string): string {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** A control with its label above and an explanation below. */
export function field(
  label: string,
  control: HTMLInputElement | HTMLSelectElement,
  hint: string | null = null,
): HTMLElement {
  control.id = freshId('field');
  const hintId = `${control.id}-hint`;
  if (hint !== null) control.setAttribute('aria-describedby', hintId);
  return el(
    'div',
    { class: 'field' },
    el('label', { for: control.id }, label),
    control,
    hint === null ? null : el('p', { class: 'hint', id: hintId }, hint),
  );
}
