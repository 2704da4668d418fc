// Events as text for people, in the reader's time zone. Pure.

import type { EventRecord } from '../../model/fleet.ts';
import { fill, printable } from './terminalText.ts';

/** A line of `restunnel events`. */
export function drawEvent(event: EventRecord): string {
  const at = new Date(event.at);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const hub = event.hub === undefined ? '' : `${fill(printable(event.hub), 12)}  `;
  return `${day} ${clockOf(event.at)}  ${hub}${fill(event.kind, 13)}  ${sentenceOf(event)}\n`;
}

/** What happened, and to whom when the sentence does not say so itself. */
export function sentenceOf({ nodeName, text }: EventRecord): string {
  const sentence = printable(text);
  const name = nodeName === null ? '' : printable(nodeName);
  return sentence.includes(name) ? sentence : `${name}: ${sentence}`;
}

/** 14:23:01 */
export function clockOf(iso: string): string {
  const at = new Date(iso);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
