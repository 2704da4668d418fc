// The rules file of a running hub: loaded at the start, again on SIGHUP, and when it or one of its lists changes. A bad file changes
// nothing.

import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import { UserError } from '../../base/userError.ts';
import { RULES } from '../../limits/owner.ts';
import { compileRules } from '../../routing/compileRules.ts';
import type { CompiledRules, RulesSummary } from '../../routing/rules.ts';
import type { Problem } from '../../routing/rulesSchema.ts';

/** The file and its lists, each with how it was when it was read. */
export type Seen = ReadonlyMap<string, string>;

export interface LoadedRules {
  readonly rules: CompiledRules;
  readonly seen: Seen;
}

export interface RefusedRules {
  readonly problems: readonly Problem[];
  readonly seen: Seen;
}

/** Reads and compiles; what cannot be read is a problem like others. */
export function readRules(path: string): LoadedRules | RefusedRules {
  const file = resolve(path);
  const seen = new Map<string, string>();
  const read = (path: string, maxBytes: number) => {
    // Noted before it is read: a change in the meantime counts as a new one.
    if (!seen.has(path)) seen.set(path, lookAt(path));
    return readBounded(path, maxBytes);
  };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(read(file, RULES.fileMaxBytes));
  } catch (error) {
    return { seen, problems: [{ line: 0, column: 0, path: '', sentence: reasonOf(error) }] };
  }
  const result = compileRules(text, (name) => {
    try {
      return read(resolve(dirname(file), name), RULES.listMaxBytes);
    } catch (error) {
      throw new Error(reasonOf(error));
    }
  });
  return { ...result, seen };
}

function readBounded(path: string, maxBytes: number): Uint8Array {
  const { size } = statSync(path);
  if (size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
  return readFileSync(path);
}

/** Differs after every change. */
function lookAt(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'this user may not read it';
    case 'EISDIR':
      return 'it is a directory';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'it is not UTF-8 text';
    default:
      return (error as Error).message;
  }
}

/** As compilers write it: FILE:LINE:COLUMN: what is wrong. */
export function problemText(path: string, problem: Problem): string {
  const place = problem.line === 0 ? path : `${path}:${problem.line}:${problem.column}`;
  return `${place}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.sentence}`;
}

/** The first of them, and how many more there are. */
export function problemsText(path: string, problems: readonly Problem[]): string {
  const more = problems.length - 1;
  const rest = more === 0 ? '' : ` (and ${more} more: restunnel rules check ${path})`;
  return `${problemText(path, problems[0]!)}${rest}`;
}

export function summaryText({ names, ranges, routes, users }: RulesSummary): string {
  return `${names} host names, ${ranges} address ranges, ${routes} routes, ${users} users`;
}

export class RulesFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #onRules: (rules: CompiledRules) => void;
  readonly #tell: (kind: 'rulesLoaded' | 'warning', text: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  /** How the files were when they were last read, and at the last look. */
  #readAs: Seen = new Map();
  #seenAs = '';
  #settling: NodeJS.Timeout | null = null;

  /**
   * @param onRules gets what is to be in force from now on
   * @param tell of a load, or why there was none, for the owner's events
   */
  constructor(options: {
    path: string;
    log: Logger;
    onRules: (rules: CompiledRules) => void;
    tell: (kind: 'rulesLoaded' | 'warning', text: string) => void;
  }) {
    this.#path = options.path;
    this.#log = options.log;
    this.#onRules = options.onRules;
    this.#tell = options.tell;
  }

  /** Throws UserError when the file is bad: without rules that the owner asked for no hub starts. */
  start(): void {
    const problems = this.#load();
    if (problems !== null) throw new UserError(`the rules have problems: ${problems}`);
  }

  /** A bad file is reported, and the rules in force stay. */
  reload(): void {
    const problems = this.#load();
    if (problems === null) return;
    const text = `the rules have problems, so the previous ones stay in force: ${problems}`;
    this.#log.warn({ file: this.#path }, text);
    this.#tell('warning', text);
  }

  /** Null, or what is wrong. */
  #load(): string | null {
    const result = readRules(this.#path);
    this.#readAs = result.seen;
    this.#watch([...result.seen.keys()]);
    // What has changed while it was read was before anybody watched, or looked away.
    this.#changed();
    if ('problems' in result) return problemsText(this.#path, result.problems);
    const text = `rules loaded: ${summaryText(result.rules.summary)}`;
    for (const { file, skipped, firstSkippedLine } of result.rules.summary.lists) {
      if (skipped > 0) {
        this.#log.warn(
          { list: file, skipped, firstSkippedLine },
          'skipped lines of a list that are not host names',
        );
      }
    }
    this.#onRules(result.rules);
    this.#log.info({ file: this.#path }, text);
    this.#tell('rulesLoaded', text);
    return null;
  }

  // --- Changes -----------------------------------------------------------------------------------------------------------------------

  /** Directories, not files: editors put a new file in the old one's place. */
  #watch(files: readonly string[]): void {
    const directories = new Set(files.map((file) => dirname(file)));
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of directories) {
      if (this.#watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#changed());
        watcher.on('error', (error) => this.#unwatch(directory, error));
        this.#watchers.set(directory, watcher);
      } catch (error) {
        this.#unwatch(directory, error as Error);
      }
    }
  }

  #unwatch(directory: string, error: Error): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
    this.#log.warn(
      { directory, reason: error.message },
      'changes to the rules there go unnoticed: send SIGHUP after each',
    );
  }

  /** Something happened beside the files. They are read once two looks in a row agree: a writer may not have finished. */
  #changed(): void {
    if (this.#settling !== null) return;
    this.#seenAs = this.#look();
    if (this.#seenAs === [...this.#readAs.values()].join()) return;
    this.#settling = setTimeout(() => {
      this.#settling = null;
      if (this.#look() === this.#seenAs) this.reload();
      else this.#changed();
    }, RULES.settleMs).unref();
  }

  #look(): string {
    return [...this.#readAs.keys()].map(lookAt).join();
  }

  close(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}
