// Windows' security descriptors ([MS-DTYP] 2.4), as far as files need them: who is in a file's access list, and a list for a few accounts
// alone. Pure.

/** Accounts by their numbers, the same on every Windows and in every language. */
export const SYSTEM = 'S-1-5-18';
export const ADMINISTRATORS = 'S-1-5-32-544';
/** Windows' account for services that need no rights of their own; `restunnel service` uses it. */
export const LOCAL_SERVICE = 'S-1-5-19';
const OWNER_RIGHTS = 'S-1-3-4';

/** Not others: what they may do they could do without the list, or it is the owner's doing that they are in it. */
const NO_STRANGERS: ReadonlySet<string> = new Set([SYSTEM, ADMINISTRATORS, LOCAL_SERVICE, OWNER_RIGHTS]);

const KNOWN_NAMES: Readonly<Record<string, string>> = {
  'S-1-1-0': 'Everyone',
  'S-1-5-11': 'Authenticated Users',
  'S-1-5-4': 'Interactive',
  'S-1-5-32-545': 'Users',
  'S-1-5-32-546': 'Guests',
};

export interface AccessEntry {
  readonly sid: string;
  readonly mask: number;
  /** For what is made below the directory, not for the directory itself. */
  readonly isForChildrenOnly: boolean;
}

export interface FileAccess {
  readonly owner: string | null;
  /** Who is allowed something; null: there is no list, which allows everybody everything. */
  readonly allowed: readonly AccessEntry[] | null;
}

const HEAD_BYTES = 20;
const LIST_HEAD_BYTES = 8;
const ENTRY_HEAD_BYTES = 8;
const SID_HEAD_BYTES = 8;
const CONTROL = { listPresent: 0x0004, listProtected: 0x1000, selfRelative: 0x8000 } as const;
const ENTRY = { allowed: 0, allowedObject: 5, allowedCallback: 9, allowedCallbackObject: 11 } as const;
const FLAGS = { filesInherit: 1, directoriesInherit: 2, childrenOnly: 8 } as const;
const ALL_OF_A_FILE = 0x001f01ff;
/** Read, write or append data; change the list or the owner; and the generic rights that hold them. */
const TELLING = (0x1 | 0x2 | 0x4 | 0x40000 | 0x80000 | 0x10000000 | 0x40000000 | 0x80000000) >>> 0;

/** A self-relative descriptor, as GetFileSecurity() writes it. Throws RangeError when it is cut short. */
export function parseDescriptor(bytes: Uint8Array): FileAccess {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const control = view.getUint16(2, true);
  const ownerAt = view.getUint32(4, true);
  const listAt = view.getUint32(16, true);
  return {
    owner: ownerAt === 0 ? null : parseSid(bytes, ownerAt),
    allowed: (control & CONTROL.listPresent) === 0 || listAt === 0 ? null : parseList(bytes, view, listAt),
  };
}

function parseList(bytes: Uint8Array, view: DataView, listAt: number): AccessEntry[] {
  const allowed: AccessEntry[] = [];
  const count = view.getUint16(listAt + 4, true);
  let at = listAt + LIST_HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    const type = view.getUint8(at);
    const isObject = type === ENTRY.allowedObject || type === ENTRY.allowedCallbackObject;
    if (type === ENTRY.allowed || type === ENTRY.allowedCallback || isObject) {
      allowed.push({
        // Files have no entries for objects: whoever that is, it is not one of ours.
        sid: isObject ? 'an unknown account' : parseSid(bytes, at + ENTRY_HEAD_BYTES),
        mask: view.getUint32(at + 4, true),
        isForChildrenOnly: (view.getUint8(at + 1) & FLAGS.childrenOnly) !== 0,
      });
    }
    at += Math.max(view.getUint16(at + 2, true), ENTRY_HEAD_BYTES);
  }
  return allowed;
}

/** `S-1-5-18`. Throws RangeError when it is cut short. */
export function parseSid(bytes: Uint8Array, at: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const authority = view.getUint16(at + 2) * 2 ** 32 + view.getUint32(at + 4);
  const parts = Array.from({ length: view.getUint8(at + 1) }, (_, i) =>
    view.getUint32(at + SID_HEAD_BYTES + 4 * i, true),
  );
  return ['S', view.getUint8(at), authority, ...parts].join('-');
}

function sidBytes(sid: string): Uint8Array {
  const [revision = 1, authority = 0, ...parts] = sid.split('-').slice(1).map(Number);
  const bytes = new Uint8Array(SID_HEAD_BYTES + 4 * parts.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, revision);
  view.setUint8(1, parts.length);
  view.setUint16(2, Math.floor(authority / 2 ** 32));
  view.setUint32(4, authority % 2 ** 32);
  for (const [i, part] of parts.entries()) view.setUint32(SID_HEAD_BYTES + 4 * i, part, true);
  return bytes;
}

/** An ACL that allows these accounts everything, and nobody else anything. `isDirectory`: what is made in it gets the same. */
export function listFor(sids: readonly string[], isDirectory: boolean): Uint8Array {
  const entries = sids.map((sid) => {
    const account = sidBytes(sid);
    const entry = new Uint8Array(ENTRY_HEAD_BYTES + account.length);
    const view = new DataView(entry.buffer);
    view.setUint8(0, ENTRY.allowed);
    view.setUint8(1, isDirectory ? FLAGS.filesInherit | FLAGS.directoriesInherit : 0);
    view.setUint16(2, entry.length, true);
    view.setUint32(4, ALL_OF_A_FILE, true);
    entry.set(account, ENTRY_HEAD_BYTES);
    return entry;
  });
  const list = Buffer.concat([new Uint8Array(LIST_HEAD_BYTES), ...entries]);
  list.writeUInt8(2, 0);
  list.writeUInt16LE(list.length, 2);
  list.writeUInt16LE(entries.length, 4);
  return list;
}

/** A self-relative descriptor with that owner and list, which inherits nothing. */
export function descriptorOf(owner: string, list: Uint8Array | null): Uint8Array {
  const account = sidBytes(owner);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(
    CONTROL.selfRelative | (list === null ? 0 : CONTROL.listPresent | CONTROL.listProtected),
    2,
  );
  head.writeUInt32LE(HEAD_BYTES, 4);
  head.writeUInt32LE(list === null ? 0 : HEAD_BYTES + account.length, 16);
  return Buffer.concat([head, account, list ?? new Uint8Array(0)]);
}

/** Who else than `self`, the owner, the system and its administrators may read, write or hand out the file: SIDs, each once. */
export function strangersIn({ owner, allowed }: FileAccess, self: string): string[] {
  if (allowed === null) return ['S-1-1-0'];
  const strange = allowed.filter(
    ({ sid, mask, isForChildrenOnly }) =>
      !isForChildrenOnly && (mask & TELLING) !== 0 && sid !== self && sid !== owner && !NO_STRANGERS.has(sid),
  );
  return [...new Set(strange.map(({ sid }) => sid))];
}

/** As people know it, where it has the same name everywhere. */
export function accountName(sid: string): string {
  return KNOWN_NAMES[sid] ?? sid;
}
