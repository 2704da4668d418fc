// Ranges of ports as an owner writes them: "443" or "8000-9000". Pure.

/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number];

/** null: neither a port nor a range. */
export function parsePortRange(text: string): PortRange | null {
  const parts = /^([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?$/.exec(text);
  if (parts === null) return null;
  const first = Number(parts[1]);
  const last = Number(parts[2] ?? parts[1]);
  return last <= 65_535 && first <= last ? [first, last] : null;
}

/** Whether the port is within one of these ranges. No ranges: always. */
export function hasPort(ports: readonly PortRange[], port: number): boolean {
  if (ports.length === 0) return true;
  for (let i = 0; i < ports.length; i++) {
    if (port >= ports[i]![0] && port <= ports[i]![1]) return true;
  }
  return false;
}
