// What lies in hub.db-wal, before SQLite looks: it leaves out what follows a damaged frame without a word, and applies a journal to a
// hub.db that was restored beside it. Format: sqlite.org/fileformat2.html#the_write_ahead_log.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;
/** In hub.db: how the file is written, 1 by a rollback journal, 2 by a write-ahead log. */
const WRITE_VERSION_AT = 18;

export type JournalState =
  /** There is none, or it is empty. */
  | 'none'
  | 'whole'
  /** Not all of it can be used: the power went while it was written, or it was damaged afterwards. */
  | 'torn'
  /** Nothing of it can be used. */
  | 'unreadable';

export function readJournal(path: string): JournalState {
  try {
    return journalState(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw error;
  }
}

export function journalState(bytes: Uint8Array): JournalState {
  if (bytes.length <= HEADER_BYTES) return 'none';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const pageBytes = view.getUint32(8);
  if ((magic & ~1) >>> 0 !== MAGIC || pageBytes < 512 || pageBytes > 65_536) return 'unreadable';
  const sum = new Checksum(view, (magic & 1) === 0);
  sum.add(0, 24);
  if (!sum.isAt(24)) return 'unreadable';
  const isOurs = (frame: number) =>
    view.getUint32(frame + 8) === view.getUint32(16) && view.getUint32(frame + 12) === view.getUint32(20);
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  let frame = HEADER_BYTES;
  for (; frame + frameBytes <= bytes.length; frame += frameBytes) {
    if (!isOurs(frame)) break;
    sum.add(frame, 8);
    sum.add(frame + FRAME_HEADER_BYTES, pageBytes);
    if (!sum.isAt(frame + 16)) break;
  }
  // Frames of before the last checkpoint may follow; they have other salts.
  for (; frame + FRAME_HEADER_BYTES <= bytes.length; frame += frameBytes) if (isOurs(frame)) return 'torn';
  return 'whole';
}

class Checksum {
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #s0 = 0;
  #s1 = 0;

  constructor(view: DataView, littleEndian: boolean) {
    this.#view = view;
    this.#littleEndian = littleEndian;
  }

  /** `bytes`: a multiple of 8. */
  add(from: number, bytes: number): void {
    for (let at = from; at < from + bytes; at += 8) {
      this.#s0 = (this.#s0 + this.#view.getUint32(at, this.#littleEndian) + this.#s1) >>> 0;
      this.#s1 = (this.#s1 + this.#view.getUint32(at + 4, this.#littleEndian) + this.#s0) >>> 0;
    }
  }

  /** The checksum itself is big-endian. */
  isAt(at: number): boolean {
    return this.#view.getUint32(at) === this.#s0 && this.#view.getUint32(at + 4) === this.#s1;
  }
}

/** Whether the store is a backup that was put here: a store in use is marked otherwise from its first byte on, so the journal is not its own. */
export function isBackup(storePath: string): boolean {
  const version = new Uint8Array(1);
  const fd = openSync(storePath, 'r');
  try {
    return readSync(fd, version, 0, 1, WRITE_VERSION_AT) === 1 && version[0] === 1;
  } finally {
    closeSync(fd);
  }
}
