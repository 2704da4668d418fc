// Files for their owner alone on Windows, where a mode means nothing: their access lists, through advapi32. Where koffi's native part is
// missing, and on file systems without lists, files keep what they inherit.

import { resolve, toNamespacedPath } from 'node:path';
import {
  ADMINISTRATORS,
  accountName,
  descriptorOf,
  type FileAccess,
  LOCAL_SERVICE,
  listFor,
  parseDescriptor,
  parseSid,
  SYSTEM,
  strangersIn,
} from './accessList.ts';
import { type ForeignCalls, type ForeignFunction, loadWindowsCalls } from './foreignCalls.ts';

/** What is asked of Windows; tests have their own. */
export interface WindowsAccess {
  /** The account that this process runs as. */
  readonly self: string;
  /** The file's security descriptor, until the next call; null where it has none or may not be read. */
  read(path: string): Uint8Array | null;
  /** Replaces the list, and lets it inherit nothing; what lies in a directory inherits anew. Whether that worked. */
  replace(path: string, list: Uint8Array, isDirectory: boolean): boolean;
}

const DESCRIPTOR_BYTES = 65_536;
const NAME_BYTES = 65_536;
const OWNER_AND_LIST = 0x1 | 0x4;
const LIST = 0x4;
const LIST_WITHOUT_INHERITANCE = 0x8000_0004;
const FILE_OBJECT = 1;
const TOKEN_QUERY = 8;
const TOKEN_USER = 1;
const THIS_PROCESS = -1;
/** From here on a path needs the \\?\ in front. */
const SHORT_PATH_CHARS = 248;

let loaded: WindowsAccess | null | undefined;

/** null on other systems, and where npm left the optional package out. */
export function windowsAccess(): WindowsAccess | null {
  if (loaded === undefined) {
    const foreign = loadWindowsCalls();
    loaded = foreign === null ? null : bind(foreign);
  }
  return loaded;
}

/**
 * Leaves out of the file's list everybody but its owner, us, the system, its administrators, and services that are in it. What lies in a
 * directory and inherits its list follows. A list without others stays as it is. Whether it has changed.
 */
export function makePrivate(path: string, isDirectory: boolean, access = windowsAccess()): boolean {
  const found = access === null ? null : accessTo(path, access);
  if (access === null || found === null || strangersIn(found, access.self).length === 0) return false;
  return access.replace(path, listFor(keptIn(found, access.self), isDirectory), isDirectory);
}

function keptIn({ owner, allowed }: FileAccess, self: string): string[] {
  const service = allowed?.some(({ sid }) => sid === LOCAL_SERVICE) ? [LOCAL_SERVICE] : [];
  return [...new Set([self, ...(owner === null ? [] : [owner]), SYSTEM, ADMINISTRATORS, ...service])];
}

/** What tells the owner that others may read or change the file, and how to end that; null: nobody may, or nobody knows. */
export function othersMayRead(path: string, access = windowsAccess()): string | null {
  if (access === null) return null;
  const found = accessTo(path, access);
  const strangers = found === null ? [] : strangersIn(found, access.self);
  if (strangers.length === 0) return null;
  const removed = strangers.filter((sid) => sid.startsWith('S-')).map((sid) => ` *${sid}`);
  const kept = found === null ? [] : keptIn(found, access.self).map((sid) => ` *${sid}:F`);
  return (
    `${path} may be read by other users of this machine (${strangers.map(accountName).join(', ')}); ` +
    `run: icacls "${path}" /inheritance:r${removed.length > 0 ? ' /remove:g' : ''}${removed.join('')} /grant:r${kept.join('')}`
  );
}

function accessTo(path: string, access: WindowsAccess): FileAccess | null {
  const descriptor = access.read(path);
  return descriptor === null ? null : parseDescriptor(descriptor);
}

function bind(foreign: ForeignCalls): WindowsAccess | null {
  try {
    const advapi = foreign.load('advapi32.dll');
    const at = 'uintptr_t';
    const number = 'uint32_t';
    const getFileSecurity = advapi.func('GetFileSecurityW', 'int', [at, number, at, number, at]);
    const setFileSecurity = advapi.func('SetFileSecurityW', 'int', [at, number, at]);
    const setNamedSecurity = advapi.func('SetNamedSecurityInfoW', number, [
      at,
      'int',
      number,
      at,
      at,
      at,
      at,
    ]);
    const addressOf = (bytes: Uint8Array) => Number(foreign.address(bytes));
    const self = ownSid(foreign, addressOf);
    if (self === null) return null;
    // Memory that lives as long as the calls do.
    const name = Buffer.alloc(NAME_BYTES);
    const descriptor = Buffer.alloc(DESCRIPTOR_BYTES);
    const needed = Buffer.alloc(8);
    const nameOf = (path: string) => {
      name.fill(0, name.write(wide(path), 0, NAME_BYTES - 2, 'utf16le'));
      return addressOf(name);
    };
    return {
      self,
      read(path) {
        const bytes = [addressOf(descriptor), DESCRIPTOR_BYTES, addressOf(needed)] as const;
        return getFileSecurity(nameOf(path), OWNER_AND_LIST, ...bytes) === 0 ? null : descriptor;
      },
      replace(path, list, isDirectory) {
        const to = nameOf(path);
        if (isDirectory) {
          // Hands the list on to what lies in it. Under wine it takes the parent's entries in all the same, so the next call is for all.
          descriptor.set(list);
          setNamedSecurity(to, FILE_OBJECT, LIST_WITHOUT_INHERITANCE, 0, 0, addressOf(descriptor), 0);
        }
        descriptor.set(descriptorOf(self, list));
        return setFileSecurity(to, LIST, addressOf(descriptor)) !== 0;
      },
    };
  } catch {
    return null;
  }
}

/** Of the account that this process runs as; null: Windows does not say. */
function ownSid(foreign: ForeignCalls, addressOf: (bytes: Uint8Array) => number): string | null {
  const advapi = foreign.load('advapi32.dll');
  const at = 'uintptr_t';
  const openToken = advapi.func('OpenProcessToken', 'int', ['intptr_t', 'uint32_t', at]);
  const getToken = advapi.func('GetTokenInformation', 'int', [at, 'int', at, 'uint32_t', at]);
  const closeHandle: ForeignFunction = foreign.load('kernel32.dll').func('CloseHandle', 'int', [at]);
  const handle = Buffer.alloc(8);
  if (openToken(THIS_PROCESS, TOKEN_QUERY, addressOf(handle)) === 0) return null;
  const token = Number(handle.readBigUInt64LE());
  try {
    // A pointer to the account, which follows in the same memory.
    const user = Buffer.alloc(256);
    const length = Buffer.alloc(8);
    if (getToken(token, TOKEN_USER, addressOf(user), user.length, addressOf(length)) === 0) return null;
    return parseSid(user, Number(user.readBigUInt64LE()) - addressOf(user));
  } finally {
    closeHandle(token);
  }
}

/** As Windows takes names. */
function wide(path: string): string {
  const full = resolve(path);
  return full.length < SHORT_PATH_CHARS ? full : toNamespacedPath(full);
}
