// Signs a Mach-O file ad hoc: Apple silicon runs nothing without a signature, even one that names nobody. As Apple's linker does it, with a
// code directory of the version 0x20400 (XNU, osfmk/kern/cs_blobs.h) and SHA-256 of each page.

import { createHash } from 'node:crypto';

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const SIGNATURE_COMMAND_BYTES = 16;
const MH_EXECUTE = 2;

const SUPER_BLOB = 0xfade0cc0;
const SUPER_BLOB_BYTES = 20;
const CODE_DIRECTORY = 0xfade0c02;
const CODE_DIRECTORY_BYTES = 88;
const CODE_DIRECTORY_VERSION = 0x20400;
/** Signed by nobody, by a linker: `codesign --sign` replaces it without --force. */
const ADHOC_LINKER_SIGNED = 0x20002;
const EXECUTABLE = 1;
const SHA256 = 2;
const HASH_BYTES = 32;
/** Of hashes, whatever the machine's own are. */
const PAGE_BITS = 12;
const PAGE_BYTES = 1 << PAGE_BITS;
/** Of memory, on Apple silicon. */
const SEGMENT_ALIGNMENT = 16_384;
const SIGNATURE_ALIGNMENT = 16;

interface Segment {
  readonly name: string;
  /** Of its command in the file. */
  readonly at: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  /** Where the first section with contents begins; Infinity without any. */
  readonly firstSection: number;
}

/** The file with a signature at its end. Throws Error for one that has one already, or is none of 64 bits. */
export function signedAdHoc(file: Uint8Array, identifier: string): Buffer {
  const parsed = parse(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  const codeBytes = aligned(file.length, SIGNATURE_ALIGNMENT);
  const pages = Math.ceil(codeBytes / PAGE_BYTES);
  const name = Buffer.from(`${identifier}\0`);
  const directoryBytes = CODE_DIRECTORY_BYTES + name.length + pages * HASH_BYTES;
  const signatureBytes = aligned(SUPER_BLOB_BYTES + directoryBytes, SIGNATURE_ALIGNMENT);
  const signed = Buffer.alloc(codeBytes + signatureBytes);
  signed.set(file);
  addCommand(signed, parsed, codeBytes, signatureBytes);
  const { text, isExecutable } = parsed;
  const directory = { name, pages, codeBytes, directoryBytes, text, isExecutable };
  writeSignature(signed, signed.subarray(codeBytes), directory);
  return signed;
}

interface Parsed {
  readonly isExecutable: boolean;
  readonly commands: number;
  /** Where the commands end. */
  readonly commandsEnd: number;
  readonly text: Segment;
  readonly linkEdit: Segment;
}

function parse(file: Buffer): Parsed {
  if (file.length < HEADER_BYTES || file.readUInt32LE(0) !== MAGIC_64)
    throw new Error('no Mach-O file of 64 bits');
  const commands = file.readUInt32LE(16);
  const commandsEnd = HEADER_BYTES + file.readUInt32LE(20);
  const segments = new Map<string, Segment>();
  for (let at = HEADER_BYTES, left = commands; left > 0; left--, at += file.readUInt32LE(at + 4)) {
    const command = file.readUInt32LE(at);
    if (command === LC_CODE_SIGNATURE) throw new Error('the file has a signature already');
    if (command !== LC_SEGMENT_64) continue;
    const segment = readSegment(file, at);
    segments.set(segment.name, segment);
  }
  const [text, linkEdit] = [segments.get('__TEXT'), segments.get('__LINKEDIT')];
  if (text === undefined || linkEdit === undefined) throw new Error('no __TEXT or no __LINKEDIT in it');
  if (linkEdit.fileOffset + linkEdit.fileBytes !== file.length) throw new Error('__LINKEDIT is not its end');
  if (commandsEnd + SIGNATURE_COMMAND_BYTES > text.firstSection)
    throw new Error('no room for one more load command');
  return { isExecutable: file.readUInt32LE(12) === MH_EXECUTE, commands, commandsEnd, text, linkEdit };
}

function readSegment(file: Buffer, at: number): Segment {
  let firstSection = Number.POSITIVE_INFINITY;
  for (let section = 0; section < file.readUInt32LE(at + 64); section++) {
    const offset = file.readUInt32LE(at + 72 + 80 * section + 48);
    if (offset > 0) firstSection = Math.min(firstSection, offset);
  }
  return {
    name: file.toString('latin1', at + 8, at + 24).replace(/\0.*$/s, ''),
    at,
    fileOffset: Number(file.readBigUInt64LE(at + 40)),
    fileBytes: Number(file.readBigUInt64LE(at + 48)),
    firstSection,
  };
}

/** LC_CODE_SIGNATURE, and the segment that has what it points at. */
function addCommand(
  file: Buffer,
  { commands, commandsEnd, linkEdit }: Parsed,
  codeBytes: number,
  signatureBytes: number,
): void {
  file.writeUInt32LE(commands + 1, 16);
  file.writeUInt32LE(commandsEnd + SIGNATURE_COMMAND_BYTES - HEADER_BYTES, 20);
  file.writeUInt32LE(LC_CODE_SIGNATURE, commandsEnd);
  file.writeUInt32LE(SIGNATURE_COMMAND_BYTES, commandsEnd + 4);
  file.writeUInt32LE(codeBytes, commandsEnd + 8);
  file.writeUInt32LE(signatureBytes, commandsEnd + 12);
  const linkEditBytes = codeBytes + signatureBytes - linkEdit.fileOffset;
  file.writeBigUInt64LE(BigInt(aligned(linkEditBytes, SEGMENT_ALIGNMENT)), linkEdit.at + 32);
  file.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit.at + 48);
}

interface Directory {
  readonly name: Uint8Array;
  readonly pages: number;
  readonly codeBytes: number;
  readonly directoryBytes: number;
  readonly text: Segment;
  readonly isExecutable: boolean;
}

/** Big-endian, as all of it is. */
function writeSignature(file: Buffer, to: Buffer, directory: Directory): void {
  const { name, pages, codeBytes, directoryBytes, text, isExecutable } = directory;
  const words = (at: number, ...values: readonly number[]) => {
    for (const [place, value] of values.entries()) to.writeUInt32BE(value, at + 4 * place);
  };
  // One blob: the code directory, which has the slot 0.
  words(0, SUPER_BLOB, SUPER_BLOB_BYTES + directoryBytes, 1, 0, SUPER_BLOB_BYTES);
  const at = SUPER_BLOB_BYTES;
  const hashesAt = CODE_DIRECTORY_BYTES + name.length;
  words(at, CODE_DIRECTORY, directoryBytes, CODE_DIRECTORY_VERSION, ADHOC_LINKER_SIGNED);
  words(at + 16, hashesAt, CODE_DIRECTORY_BYTES, 0, pages, codeBytes);
  to.set([HASH_BYTES, SHA256, 0, PAGE_BITS], at + 36);
  to.writeBigUInt64BE(BigInt(text.fileOffset), at + 64);
  to.writeBigUInt64BE(BigInt(text.fileBytes), at + 72);
  to.writeBigUInt64BE(BigInt(isExecutable ? EXECUTABLE : 0), at + 80);
  to.set(name, at + CODE_DIRECTORY_BYTES);
  for (let page = 0; page < pages; page++) {
    const content = file.subarray(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, codeBytes));
    to.set(createHash('sha256').update(content).digest(), at + hashesAt + page * HASH_BYTES);
  }
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}
