// Relative times that stay right: <time> elements whose text is updated every few seconds.

import { el } from './dom.ts';
import { ago, exactTime } from './format.ts';

/** "5 min ago", with the exact time as its title. */
export function relativeTime(iso: string): HTMLTimeElement {
  const time = el('time', { 'data-relative': true });
  setTime(time, iso);
  return time;
}

export function setTime(time: HTMLTimeElement, iso: string): void {
  if (time.dateTime !== iso) {
    time.dateTime = iso;
    time.title = exactTime(iso);
  }
  const text = ago(Date.parse(iso), Date.now());
  if (time.textContent !== text) time.textContent = text;
}

export function startTimes(): void {
  setInterval(() => {
    if (document.hidden) return;
    for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-relative]'))
      setTime(time, time.dateTime);
  }, 5_000);
}
