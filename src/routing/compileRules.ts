// Compiles the rules file, so that the engine's threads need neither the schema nor the lists. Pure: lists come through a function.

import type { AddressRange } from '../base/addressRange.ts';
import { RULES } from '../limits/owner.ts';
import { type ListSink, readEntry, readHostList } from './hostList.ts';
import { HostSetBuilder, type HostSetData, HostSetFull } from './hostSet.ts';
import type { CompiledGate, CompiledRules, CompiledUser, ListSummary, Targets } from './rules.ts';
import { type Gate, type HostGroup, type Problem, pathText, readRulesFile } from './rulesSchema.ts';

/**
 * @param text of the rules file, YAML or JSON
 * @param readList the bytes of a list by its name in the file; throws with a sentence
 */
export function compileRules(
  text: string,
  readList: (name: string) => Uint8Array,
): { rules: CompiledRules } | { problems: readonly Problem[] } {
  const read = readRulesFile(text);
  if ('problems' in read) return read;
  const { file, place } = read;
  const compiler = new Compiler(readList, (path, sentence) => ({
    ...place(path),
    path: pathText(path),
    sentence,
  }));
  try {
    const gate = compiler.gate(file.hosts, ['hosts']);
    const users = new Map<string, CompiledUser>();
    for (const [name, { hours, hosts }] of Object.entries(file.users ?? {})) {
      const own = compiler.gate(hosts, ['users', name, 'hosts']);
      users.set(name, { ...own, hours: hours ?? [] });
    }
    const routes = (file.routes ?? []).map(({ users, through, ...targets }, i) => ({
      ...compiler.targets(targets, ['routes', i]),
      users: users ?? null,
      through,
    }));
    if (compiler.problems.length > 0) return { problems: compiler.problems };
    const { hosts, ranges, lists } = compiler.done();
    const bytes = hosts.text.byteLength + hosts.slots.byteLength;
    const summary = {
      names: hosts.names,
      ranges: ranges.length,
      routes: routes.length,
      users: users.size,
      bytes,
      lists,
    };
    return { rules: { ...gate, hosts, ranges, hours: file.hours ?? [], users, routes, summary } };
  } catch (error) {
    if (!(error instanceof HostSetFull)) throw error;
    return { problems: [{ line: 0, column: 0, path: '', sentence: error.message }] };
  }
}

class Compiler {
  readonly problems: Problem[] = [];
  readonly #readList: (name: string) => Uint8Array;
  readonly #problem: (path: readonly PropertyKey[], sentence: string) => Problem;
  readonly #builder = new HostSetBuilder();
  readonly #ranges: { group: number; range: AddressRange }[] = [];
  readonly #lists: ListSummary[] = [];
  #groups = 0;

  constructor(
    readList: (name: string) => Uint8Array,
    problem: (path: readonly PropertyKey[], sentence: string) => Problem,
  ) {
    this.#readList = readList;
    this.#problem = problem;
  }

  gate(gate: Gate | undefined, path: readonly PropertyKey[]): CompiledGate {
    return {
      allow: gate?.allow?.map((group, i) => this.targets(group, [...path, 'allow', i])) ?? null,
      refuse: (gate?.refuse ?? []).map((group, i) => this.targets(group, [...path, 'refuse', i])),
    };
  }

  targets({ hosts, lists, except, ports }: HostGroup, path: readonly PropertyKey[]): Targets {
    const group = hosts === undefined && lists === undefined ? -1 : this.#newGroup();
    if (hosts !== undefined) this.#addHosts(hosts, group, [...path, 'hosts']);
    for (const [i, list] of (lists ?? []).entries()) this.#addList(list, group, [...path, 'lists', i]);
    const excepted = except === undefined ? -1 : this.#newGroup();
    if (except !== undefined) this.#addHosts(except, excepted, [...path, 'except']);
    return { group, except: excepted, ports: ports ?? [] };
  }

  #newGroup(): number {
    if (this.#groups >= RULES.groupsMax)
      throw new HostSetFull(`more than ${RULES.groupsMax} groups of hosts`);
    return this.#groups++;
  }

  #addHosts(hosts: readonly string[], group: number, path: readonly PropertyKey[]): void {
    const sink = this.#sink(group);
    hosts.forEach((host, i) => {
      if (!readEntry(host, sink)) {
        this.#complain(
          [...path, i],
          `${JSON.stringify(host)} is neither a host name, an address nor a range`,
        );
      }
    });
  }

  #addList(name: string, group: number, path: readonly PropertyKey[]): void {
    if (this.#lists.length >= RULES.listsMax) {
      this.#complain(path, `more than ${RULES.listsMax} lists`);
      return;
    }
    try {
      const bytes = this.#readList(name);
      let entries = 0;
      const sink = this.#sink(group);
      const report = readHostList(bytes, {
        name: (from, start, end) => sink.name(from, start, end) && ++entries > 0,
        range: (range) => {
          entries++;
          sink.range(range);
        },
      });
      this.#lists.push({ file: name, entries, ...report });
    } catch (error) {
      if (error instanceof HostSetFull) throw error;
      this.#complain(path, `the list cannot be read: ${(error as Error).message}`);
    }
  }

  #sink(group: number): ListSink {
    return {
      name: (bytes, start, end) => this.#builder.add(bytes, start, end, group),
      range: (range) => {
        if (this.#ranges.length >= RULES.rangesMax) {
          throw new HostSetFull(`more than ${RULES.rangesMax} address ranges`);
        }
        this.#ranges.push({ group, range });
      },
    };
  }

  #complain(path: readonly PropertyKey[], sentence: string): void {
    if (this.problems.length < RULES.problemsMax) this.problems.push(this.#problem(path, sentence));
  }

  done(): { hosts: HostSetData; ranges: CompiledRules['ranges']; lists: readonly ListSummary[] } {
    return { hosts: this.#builder.build(this.#groups), ranges: this.#ranges, lists: this.#lists };
  }
}
