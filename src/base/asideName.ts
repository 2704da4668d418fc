// What a file is called that is set aside because it cannot be used. Pure.

/** Beside it, with the time in its name: "hub.db.20261128T001530Z.lost". */
export function asideName(path: string, now: Date): string {
  return `${path}.${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}.lost`;
}
