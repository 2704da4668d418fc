// What an Android version offers apps, from NativeScript's declarations of its android.jar: no hidden class or method is in them. They
// have names and parameter counts, not types, of what they call android.os.PowerManager.WakeLock.

interface ApiClass {
  /** Superclass and interfaces. */
  readonly parents: readonly string[];
  /** Fields by name; methods as name/parameters, constructors as <init>/parameters. */
  readonly members: ReadonlySet<string>;
}

/** Declared in no file. */
const OBJECT: ReadonlySet<string> = new Set([
  '<init>/0',
  'clone/0',
  'equals/1',
  'finalize/0',
  'getClass/0',
  'hashCode/0',
  'notify/0',
  'notifyAll/0',
  'toString/0',
  'wait/0',
  'wait/1',
  'wait/2',
]);

/** A package of which the declarations can't speak: `function` is a word of their language. Java 8 has all of it, and so has API 24. */
const UNDECLARED = 'java.util.function.';

const MODULE = /^(?:declare|export) module (\w+) \{$/;
/** Enums are written without a superclass. */
const CLASS =
  /^export (?:abstract )?class (\w+)(?:<.*?>)?(?: +extends ([\w.]+)(?:<[^{]*?>)?)?(?: implements (.*))? \{$/;
const METHOD = /^public (?:static )?(\w+)(?:<.*?>)?\((.*)\): .*;$/;
const CONSTRUCTOR = /^public constructor\((.*)\);$/;
const FIELD = /^public (?:static )?(\w+): .*;$/;

export class PublicApi {
  readonly #classes = new Map<string, ApiClass>([['java.lang.Object', { parents: [], members: OBJECT }]]);

  constructor(declarations: string) {
    const path: { name: string | null; members: Set<string> | null }[] = [];
    for (const raw of declarations.split('\n')) {
      const line = raw.trim();
      const module = MODULE.exec(line);
      const type = module === null ? CLASS.exec(line) : null;
      if (module !== null) path.push({ name: module[1]!, members: null });
      else if (type !== null) {
        const members = new Set<string>();
        path.push({ name: type[1]!, members });
        const name = path.map((part) => part.name).join('.');
        const parents = [type[2] ?? 'java.lang.Enum', ...(type[3] ?? '').split(',')].map((parent) =>
          parent.trim().replace(/<.*/, ''),
        );
        this.#classes.set(name, { parents: parents.filter((parent) => parent !== ''), members });
      } else if (line.endsWith('{')) path.push({ name: null, members: null });
      else if (/^\}(?:\);?|;)?$/.test(line)) path.pop();
      else addMember(line, path.at(-1)?.members ?? null);
    }
    if (path.length > 0) throw new Error('the declarations end in the middle of something');
  }

  get size(): number {
    return this.#classes.size;
  }

  has(name: string): boolean {
    return this.#classes.has(name) || name.startsWith(UNDECLARED);
  }

  /** Whether the class or what it inherits from has the member, a field's name or name/parameters. */
  hasMember(name: string, member: string): boolean {
    // Some declarations name a class among its own parents.
    const seen = new Set(['java.lang.Object']);
    const waiting = [name];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const found = this.#classes.get(next);
      if (found === undefined) continue;
      if (found.members.has(member)) return true;
      if (member.startsWith('<init>')) return false;
      waiting.push(...found.parents.filter((parent) => !seen.has(parent)));
      for (const parent of found.parents) seen.add(parent);
    }
    return name.startsWith(UNDECLARED) || (OBJECT.has(member) && this.has(name));
  }
}

function addMember(line: string, members: Set<string> | null): void {
  if (members === null) return;
  const made = CONSTRUCTOR.exec(line);
  const method = METHOD.exec(line);
  const field = FIELD.exec(line);
  if (made !== null) members.add(`<init>/${parametersOf(made[1]!)}`);
  else if (method !== null) members.add(`${method[1]!}/${parametersOf(method[2]!)}`);
  else if (field !== null) members.add(field[1]!);
}

function parametersOf(list: string): number {
  return list.match(/\bparam\d+:/g)?.length ?? 0;
}
