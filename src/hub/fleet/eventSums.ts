// What a large fleet does in a minute, in a sentence for each kind of event of which not every one is listed. Pure.

import { EVENTS } from '../../limits/owner.ts';
import type { EventKind } from '../../model/fleet.ts';

export interface Summed {
  readonly kind: EventKind;
  readonly text: string;
}

interface Tally {
  /** Events that are not in the list. */
  unlisted: number;
  /** Devices that came or left. */
  readonly nodes: Set<string>;
}

export class EventSums {
  readonly #tallies = new Map<EventKind, Tally>();
  #sinceMs = 0;

  /** `moved`: the device that came or left by it; null for any other event. */
  add(kind: EventKind, moved: string | null, isListed: boolean, nowMs: number): void {
    if (this.#tallies.size === 0) this.#sinceMs = nowMs;
    let tally = this.#tallies.get(kind);
    if (tally === undefined) {
      tally = { unlisted: 0, nodes: new Set() };
      this.#tallies.set(kind, tally);
    }
    if (!isListed) tally.unlisted++;
    if (moved !== null) tally.nodes.add(moved);
  }

  isDue(nowMs: number): boolean {
    return this.#tallies.size > 0 && nowMs - this.#sinceMs >= EVENTS.sumEveryMs;
  }

  /** What is not in the list, and begins anew. */
  take(isConnected: (nodeId: string) => boolean): Summed[] {
    const { connected, disconnected } = this.#moves();
    const summed: Summed[] = [];
    for (const [kind, { unlisted }] of this.#tallies) {
      if (unlisted === 0) continue;
      if (kind === 'disconnected' && disconnected.size > 0) {
        summed.push({ kind, text: leftText(disconnected, isConnected) });
      } else if (kind === 'connected' && connected.length > 0) {
        summed.push({ kind, text: `${devices(connected.length)} connected in this minute` });
      } else if (kind !== 'connected' || disconnected.size === 0) {
        summed.push({ kind, text: `${count(unlisted)} more of this kind in this minute` });
      }
    }
    this.#tallies.clear();
    return summed;
  }

  /** Devices that left, and those that came and had not left before. */
  #moves() {
    const disconnected = this.#tallies.get('disconnected')?.nodes ?? new Set<string>();
    const connected = [...(this.#tallies.get('connected')?.nodes ?? [])].filter(
      (id) => !disconnected.has(id),
    );
    return { connected, disconnected };
  }
}

function leftText(nodes: ReadonlySet<string>, isConnected: (nodeId: string) => boolean): string {
  let back = 0;
  for (const nodeId of nodes) if (isConnected(nodeId)) back++;
  const away = nodes.size - back;
  if (back === 0) return `${devices(away)} left in this minute`;
  const still = away === 0 ? '' : `; ${devices(away)} left and ${away === 1 ? 'is' : 'are'} not back yet`;
  return `${devices(back)} left and came back in this minute${still}`;
}

function devices(number: number): string {
  return `${count(number)} device${number === 1 ? '' : 's'}`;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
