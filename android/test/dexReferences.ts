// What the code of a dex file calls, reads and makes, as `dexdump -d` writes it.

export interface Reference {
  /** android.os.PowerManager.WakeLock */
  readonly className: string;
  /** A field's name, or name/parameters of a method; null: the class itself. */
  readonly member: string | null;
}

const CALL = /: invoke-[a-z/]+ \{.*\}, \[*L([\w/$]+);\.([\w$<>-]+):\((.*?)\)/;
const FIELD = /: [is](?:get|put)[a-z-]* .*, L([\w/$]+);\.([\w$-]+):/;
const CLASS = /: (?:new-instance|check-cast|instance-of|const-class) .*, \[*L([\w/$]+);/;
const SUPERCLASS = /^ {2}Superclass +: 'L([\w/$]+);'/;

/** Each once, in the order of their first use. */
export function referencesOf(dump: string): Reference[] {
  const found = new Map<string, Reference>();
  for (const line of dump.split('\n')) {
    const call = CALL.exec(line);
    const field = call === null ? FIELD.exec(line) : null;
    const type = call === null && field === null ? (CLASS.exec(line) ?? SUPERCLASS.exec(line)) : null;
    const match = call ?? field ?? type;
    if (match === null) continue;
    const className = match[1]!.replaceAll(/[/$]/g, '.');
    const member =
      call !== null ? `${call[2]!}/${parametersOf(call[3]!)}` : field !== null ? field[2]! : null;
    found.set(`${className} ${member}`, { className, member });
  }
  return [...found.values()];
}

/** Of a descriptor such as `Ljava/lang/String;[IJ`. */
function parametersOf(descriptor: string): number {
  return descriptor.match(/\[*(?:L[^;]+;|[ZBSCIJFD])/g)?.length ?? 0;
}
