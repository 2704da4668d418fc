// Windows' access lists as bytes, and who else than its owner may read a file.

import { expect, test } from 'vitest';
import {
  ADMINISTRATORS,
  descriptorOf,
  LOCAL_SERVICE,
  listFor,
  parseDescriptor,
  parseSid,
  SYSTEM,
  strangersIn,
} from '../../src/base/accessList.ts';

const ME = 'S-1-5-21-397955417-626881126-188441444-1010';
const SOMEBODY = 'S-1-5-21-397955417-626881126-188441444-1011';
const EVERYONE = 'S-1-1-0';
const USERS = 'S-1-5-32-545';

/** As `icacls` shows it: (I) children only, and its rights as a mask. */
function withEntries(owner: string, entries: [sid: string, mask: number, type?: number, flags?: number][]) {
  const list = Buffer.from(
    listFor(
      entries.map(([sid]) => sid),
      false,
    ),
  );
  let at = 8;
  for (const [, mask, type = 0, flags = 0] of entries) {
    list.writeUInt8(type, at);
    list.writeUInt8(flags, at + 1);
    list.writeUInt32LE(mask, at + 4);
    at += list.readUInt16LE(at + 2);
  }
  return parseDescriptor(descriptorOf(owner, list));
}

test('a list is the bytes that Windows documents', () => {
  // [MS-DTYP] 2.4.5: revision 2, 28 bytes, one entry; 2.4.4.2: allowed, inherited by files and directories, 20 bytes, everything; 2.4.2.2.
  expect(Buffer.from(listFor([SYSTEM], true)).toString('hex')).toBe(
    `02001c0001000000${'00031400ff011f00'}${'010100000000000512000000'}`,
  );
});

test('what is written is read back', () => {
  const list = listFor([ME, SYSTEM, ADMINISTRATORS], false);
  expect(parseDescriptor(descriptorOf(ME, list))).toEqual({
    owner: ME,
    allowed: [ME, SYSTEM, ADMINISTRATORS].map((sid) => ({ sid, mask: 0x1f01ff, isForChildrenOnly: false })),
  });
});

test('accounts keep their numbers', () => {
  const bytes = Buffer.from(
    '0105000000000005150000' + '0001020304' + '11121314' + '21222324' + 'f2030000',
    'hex',
  );
  expect(parseSid(bytes, 0)).toBe(`S-1-5-21-${0x04030201}-${0x14131211}-${0x24232221}-1010`);
});

test('no list at all is everybody', () => {
  expect(strangersIn(parseDescriptor(descriptorOf(ME, null)), ME)).toEqual([EVERYONE]);
});

test("the owner, we, the system, administrators and services' account are no strangers", () => {
  const mine = withEntries(SOMEBODY, [
    [ME, 0x1f01ff],
    [SOMEBODY, 0x1f01ff],
    [SYSTEM, 0x1f01ff],
    [ADMINISTRATORS, 0x1f01ff],
    [LOCAL_SERVICE, 0x1f01ff],
    ['S-1-3-4', 0x1f01ff],
  ]);
  expect(strangersIn(mine, ME)).toEqual([]);
});

test.each([
  ['reads', 0x1],
  ['writes', 0x2],
  ['appends', 0x4],
  ['changes the list', 0x40000],
  ['becomes the owner', 0x80000],
  ['reads, as a generic right', 0x80000000],
  ['does everything, as a generic right', 0x10000000],
])('who %s is a stranger', (_, mask) => {
  expect(
    strangersIn(
      withEntries(ME, [
        [USERS, mask],
        [ME, 0x1f01ff],
        [USERS, 0x120089],
      ]),
      ME,
    ),
  ).toEqual([USERS]);
});

test('who sees attributes, who is denied, and who gets what lies below are none', () => {
  const entries = withEntries(ME, [
    [USERS, 0x80 | 0x100000],
    [EVERYONE, 0x1f01ff, 1],
    [USERS, 0x1f01ff, 0, 0x0b],
  ]);
  expect(strangersIn(entries, ME)).toEqual([]);
});

test('an entry of a kind that files do not have is somebody', () => {
  expect(strangersIn(withEntries(ME, [[ME, 0x1, 5]]), ME)).toEqual(['an unknown account']);
  expect(strangersIn(withEntries(ME, [[SOMEBODY, 0x1, 9]]), ME)).toEqual([SOMEBODY]);
});

test('a descriptor that is cut short is a RangeError', () => {
  const whole = descriptorOf(ME, listFor([ME], false));
  for (const length of [0, 19, 30, whole.length - 1])
    expect(() => parseDescriptor(whole.subarray(0, length))).toThrow(RangeError);
});
