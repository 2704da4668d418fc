// Reads the signature of a Mach-O file, as the kernel does (XNU, osfmk/kern/cs_blobs.h), and takes it away. `node machOFile.ts FILE` says
// whether every page of the file has its hash.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;

/** Where the load command is, and the signature that it points at; null: there is none. */
function signatureOf(file: Buffer): { command: number; at: number; bytes: number } | null {
  for (const command of commandsOf(file)) {
    if (file.readUInt32LE(command) !== LC_CODE_SIGNATURE) continue;
    return { command, at: file.readUInt32LE(command + 8), bytes: file.readUInt32LE(command + 12) };
  }
  return null;
}

function* commandsOf(file: Buffer): Iterable<number> {
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    yield at;
    at += file.readUInt32LE(at + 4);
  }
}

/** Numbers of the pages whose hash is another. Throws Error for a file without a signature of SHA-256. */
export function wrongPages(file: Buffer): number[] {
  const found = signatureOf(file);
  if (found === null) throw new Error('no signature');
  if (found.at + found.bytes !== file.length) throw new Error('the signature is not the end of the file');
  const blobs = file.subarray(found.at);
  if (blobs.readUInt32BE(0) !== 0xfade0cc0 || blobs.readUInt32BE(12) !== 0)
    throw new Error('no code directory');
  const directory = blobs.subarray(blobs.readUInt32BE(16));
  if (directory.readUInt32BE(0) !== 0xfade0c02 || directory[37] !== 2) throw new Error('no SHA-256');
  const [hashesAt, pages, codeBytes] = [16, 28, 32].map((at) => directory.readUInt32BE(at)) as [
    number,
    number,
    number,
  ];
  const pageBytes = 2 ** directory[39]!;
  if (codeBytes !== found.at || pages !== Math.ceil(codeBytes / pageBytes))
    throw new Error('not all of it is signed');
  return Array.from({ length: pages }, (_, page) => page).filter((page) => {
    const content = file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, codeBytes));
    const hash = directory.subarray(hashesAt + 32 * page, hashesAt + 32 * (page + 1));
    return !createHash('sha256').update(content).digest().equals(hash);
  });
}

/** A copy without it, as a linker leaves a file that it does not sign. */
export function unsigned(file: Buffer): Buffer {
  const { command, at } = signatureOf(file)!;
  const bare = Buffer.from(file.subarray(0, at));
  // It is the last of the commands.
  bare.writeUInt32LE(file.readUInt32LE(16) - 1, 16);
  bare.writeUInt32LE(file.readUInt32LE(20) - 16, 20);
  bare.fill(0, command, command + 16);
  for (const segment of commandsOf(bare)) {
    const isLinkEdit = bare.toString('latin1', segment + 8, segment + 18) === '__LINKEDIT';
    if (bare.readUInt32LE(segment) !== LC_SEGMENT_64 || !isLinkEdit) continue;
    const bytes = at - Number(bare.readBigUInt64LE(segment + 40));
    bare.writeBigUInt64LE(BigInt(bytes), segment + 48);
  }
  return bare;
}

if (import.meta.main) {
  const wrong = wrongPages(readFileSync(process.argv[2]!));
  if (wrong.length > 0) throw new Error(`pages without their hash: ${wrong.join(', ')}`);
}
