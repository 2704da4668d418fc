// Lists of host names in the usual formats: one name a line, hosts files ("0.0.0.0 name"), and the domain rules of ad blockers
// ("||name^"). Pure.

import { type AddressRange, parseRange } from '../base/addressRange.ts';
import { targetName } from '../base/hostName.ts';

export interface ListSink {
  /** False: no host name. */
  name(bytes: Uint8Array, start: number, end: number): boolean;
  range(range: AddressRange): void;
}

export interface ListReport {
  /** Lines that are neither a name, a range nor a comment. */
  readonly skipped: number;
  /** From 1; 0 when none was skipped. */
  readonly firstSkippedLine: number;
}

const LF = 0x0a;
const HASH = 0x23;
/** Names of the machine itself in hosts files. */
const OWN_NAMES =
  /^(localhost|localhost\.localdomain|local|broadcasthost|ip6-[a-z]+|0\.0\.0\.0|127\.0\.0\.1|::1|::)$/i;
/** A rule for a whole host; these options do not narrow it. */
const ADBLOCK_NAME = /^\|\|([^/^$|*]+)\^(?:\$(?:important|all|document|doc|,)+)?$/;

export function readHostList(bytes: Uint8Array, sink: ListSink): ListReport {
  const decoder = new TextDecoder();
  let skipped = 0;
  let firstSkippedLine = 0;
  let line = 0;
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (start < bytes.length) {
    let end = bytes.indexOf(LF, start);
    if (end < 0) end = bytes.length;
    line++;
    if (
      !readPlainName(bytes, start, end, sink) &&
      !readLine(decoder.decode(bytes.subarray(start, end)), sink)
    ) {
      if (skipped++ === 0) firstSkippedLine = line;
    }
    start = end + 1;
  }
  return { skipped, firstSkippedLine };
}

/** Most lines are a name and nothing else, and are read without a string. */
function readPlainName(bytes: Uint8Array, start: number, lineEnd: number, sink: ListSink): boolean {
  const end = lineEnd > start && bytes[lineEnd - 1] === 0x0d ? lineEnd - 1 : lineEnd;
  if (end === start || bytes[start] === HASH) return true;
  let lastLabel = start;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 0x2e) lastLabel = i + 1;
    else if (!isPlain(byte)) return false;
  }
  // It ends in a number: an address, not a name.
  if (lastLabel === end || isDigit(bytes[lastLabel]!)) return false;
  return sink.name(bytes, start, end);
}

function isPlain(byte: number): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || isDigit(byte) || byte === 0x2d || byte === 0x5f;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** False: the line is not understood. */
function readLine(line: string, sink: ListSink): boolean {
  const text = line.trim();
  if (text === '' || text.startsWith('#') || text.startsWith('!') || text.startsWith(';')) return true;
  // The head of an ad blocker's list.
  if (/^\[[^\]]*\]$/.test(text)) return true;
  if (text.startsWith('||')) {
    const name = ADBLOCK_NAME.exec(text)?.[1];
    return name !== undefined && readEntry(name, sink);
  }
  const words = text.replace(/\s#.*$/, '').split(/\s+/);
  if (words.length === 1) return readEntry(words[0]!, sink);
  if (parseRange(words[0]!) === null) return false;
  let understood = true;
  for (const name of words.slice(1)) {
    if (!OWN_NAMES.test(name) && !readName(name, sink)) understood = false;
  }
  return understood;
}

/** A name, an address or a range; `*.name` and `.name` mean the name. False: none of these. */
export function readEntry(text: string, sink: ListSink): boolean {
  const range = parseRange(text);
  if (range !== null) {
    sink.range(range);
    return true;
  }
  return readName(text, sink);
}

function readName(text: string, sink: ListSink): boolean {
  const name = targetName(text.replace(/^\*?\./, ''));
  if (name === null || name.includes('*')) return false;
  const bytes = new TextEncoder().encode(name);
  return sink.name(bytes, 0, bytes.length);
}
