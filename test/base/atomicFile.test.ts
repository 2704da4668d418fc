import type * as fs from 'node:fs';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type * as fsPromises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFileAtomicSync, writeFileAtomic, writeFileAtomicSync } from '../../src/base/atomicFile.ts';
import { modeOf } from '../windows.ts';

// The real file system, with its calls recorded: what a power cut leaves behind depends on their order.

const calls: string[] = [];
/** Errors that the next renames fail with. */
let renameErrors: string[] = [];
let linkError: string | null = null;
const pathOf = new Map<number, string>();

vi.mock('node:fs', async (importActual) => {
  const actual = await importActual<typeof fs>();
  return {
    ...actual,
    writeFileSync: (path: string, content: string, options: fs.WriteFileOptions) => {
      calls.push(`write ${kindOf(path)} ${JSON.stringify(options)}`);
      actual.writeFileSync(path, content, options);
    },
    renameSync: (from: string, to: string) => {
      calls.push(`rename ${kindOf(from)} ${kindOf(to)}`);
      failAs(renameErrors.shift());
      actual.renameSync(from, to);
    },
    linkSync: (from: string, to: string) => {
      calls.push(`link ${kindOf(from)} ${kindOf(to)}`);
      failAs(linkError ?? undefined);
      actual.linkSync(from, to);
    },
    openSync: (path: string, flags: string) => {
      const fd = actual.openSync(path, flags);
      pathOf.set(fd, path);
      return fd;
    },
    fsyncSync: (fd: number) => {
      calls.push(`fsync ${kindOf(pathOf.get(fd)!)}`);
      actual.fsyncSync(fd);
    },
  };
});

vi.mock('node:fs/promises', async (importActual) => {
  const actual = await importActual<typeof fsPromises>();
  return {
    ...actual,
    writeFile: (path: string, content: string, options: fs.WriteFileOptions) => {
      calls.push(`write ${kindOf(path)} ${JSON.stringify(options)}`);
      return actual.writeFile(path, content, options as { mode: number });
    },
    rename: async (from: string, to: string) => {
      calls.push(`rename ${kindOf(from)} ${kindOf(to)}`);
      failAs(renameErrors.shift());
      await actual.rename(from, to);
    },
    open: async (path: string, flags: string) => {
      const handle = await actual.open(path, flags);
      const sync = handle.sync.bind(handle);
      handle.sync = () => {
        calls.push(`fsync ${kindOf(path)}`);
        return sync();
      };
      return handle;
    },
  };
});

function kindOf(path: string): string {
  if (path === folder) return 'folder';
  if (path === file) return 'file';
  return dirname(path) === folder && path.endsWith('.tmp') ? 'temporary' : path;
}

function failAs(code: string | undefined): void {
  if (code !== undefined) throw Object.assign(new Error(`${code}: made up`), { code });
}

const WRITE = 'write temporary {"mode":384,"flag":"wx","flush":true}';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-atomic-'));
  file = join(folder, 'kept.json');
  calls.length = 0;
  renameErrors = [];
  linkError = null;
  runningOn('linux');
});
afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(folder, { recursive: true, force: true });
});

const content = () => readFileSync(file, 'utf8');

function runningOn(platform: NodeJS.Platform): void {
  vi.stubGlobal('process', { ...process, platform });
}

describe.each([
  ['writeFileAtomicSync', async (path: string, text: string) => writeFileAtomicSync(path, text, 0o600)],
  ['writeFileAtomic', (path: string, text: string) => writeFileAtomic(path, text, 0o600)],
])('%s', (_name, write) => {
  it('puts the content on the disk before the name, and the name before it returns', async () => {
    await write(file, 'first');
    expect(calls).toEqual([WRITE, 'rename temporary file', 'fsync folder']);
    expect([content(), statSync(file).mode & 0o777]).toEqual(['first', modeOf(0o600)]);
    await write(file, 'second');
    expect([content(), readdirSync(folder)]).toEqual(['second', ['kept.json']]);
  });

  it('leaves the old file and nothing else when the new one cannot take its place', async () => {
    await write(file, 'old');
    renameErrors = ['EIO'];
    await expect(write(file, 'new')).rejects.toThrow('EIO');
    expect([content(), readdirSync(folder)]).toEqual(['old', ['kept.json']]);
  });

  it('passes on what the file system says of a folder that is not there', async () => {
    await expect(write(join(folder, 'none', 'kept.json'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(['EPERM', 'EACCES', 'EBUSY'])(
    'on Windows tries again when the rename fails with %s',
    async (code) => {
      runningOn('win32');
      renameErrors = [code, code];
      await write(file, 'third time');
      expect(content()).toBe('third time');
      // A directory cannot be synced there.
      expect(calls.filter((call) => !call.startsWith('write '))).toEqual(
        new Array(3).fill('rename temporary file'),
      );
    },
  );

  it('on Windows gives up in the end, and elsewhere at once', async () => {
    renameErrors = new Array(100).fill('EPERM');
    await expect(write(file, 'x')).rejects.toThrow('EPERM');
    expect(renameErrors).toHaveLength(99);
    runningOn('win32');
    await expect(write(file, 'x')).rejects.toThrow('EPERM');
    expect(renameErrors).toHaveLength(91);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('createFileAtomicSync', () => {
  it('makes a file that is not there', () => {
    createFileAtomicSync(file, 'new', 0o600);
    expect(calls).toEqual([WRITE, 'link temporary file', 'fsync folder']);
    expect([content(), statSync(file).mode & 0o777, readdirSync(folder)]).toEqual([
      'new',
      modeOf(0o600),
      ['kept.json'],
    ]);
  });

  it.each([
    [null, 'with hard links'],
    ['EPERM', 'without hard links'],
  ])('leaves alone what another process made (link fails with %s: %s)', (error, _how) => {
    createFileAtomicSync(file, 'theirs', 0o600);
    linkError = error;
    createFileAtomicSync(file, 'ours', 0o600);
    expect([content(), readdirSync(folder)]).toEqual(['theirs', ['kept.json']]);
  });

  it('renames where there are no hard links', () => {
    linkError = 'ENOTSUP';
    createFileAtomicSync(file, 'new', 0o600);
    expect([content(), calls.at(-2), readdirSync(folder)]).toEqual([
      'new',
      'rename temporary file',
      ['kept.json'],
    ]);
  });

  it('fails, and leaves nothing, when the name cannot be taken', () => {
    linkError = 'EIO';
    expect(() => createFileAtomicSync(file, 'new', 0o600)).toThrow('EIO');
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(process.getuid?.() === 0)('a folder that may be written but not read', () => {
  it('takes the file all the same', () => {
    const dropBox = join(folder, 'dropBox');
    mkdirSync(dropBox, { mode: 0o300 });
    writeFileAtomicSync(join(dropBox, 'kept.json'), 'x', 0o600);
    expect(readFileSync(join(dropBox, 'kept.json'), 'utf8')).toBe('x');
  });
});
