// Numbers and times as people read them: decimal units, three digits at most, one way everywhere. Pure.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

function scaled(value: number, smallest: number): string {
  let unit = smallest;
  let number = value / 1000 ** smallest;
  // 999.6 would be written as 1000 of the smaller unit.
  while (number >= 999.5 && unit < UNITS.length - 1) {
    number /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || number >= 99.95 || number === 0 ? 0 : number >= 9.995 ? 1 : 2;
  return `${number.toFixed(digits)} ${UNITS[unit]}`;
}

/** "0 B", "812 B", "4.20 kB", "1.24 GB". */
export function bytes(value: number): string {
  return scaled(Math.max(0, value), 0);
}

/** Bytes per second, in kB/s or more: smaller rates mean nothing here. */
export function rate(bytesPerSecond: number): string {
  if (bytesPerSecond > 0 && bytesPerSecond < 10) return '< 0.01 kB/s';
  return `${scaled(Math.max(0, bytesPerSecond), 1)}/s`;
}

/** "1,204": whole, in groups. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Something per second: "0", "0.3", "12". */
export function perSecond(value: number): string {
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : count(value);
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const value = (part / whole) * 100;
  // Never "100 %" with a failure behind it.
  if (value > 99.9 && part < whole) return '> 99.9 %';
  return `${value === 100 || value === 0 ? value : value.toFixed(1)} %`;
}

export function millis(value: number | null): string {
  if (value === null) return '–';
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 10_000 ? `${count(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

const STEPS: readonly (readonly [ms: number, one: string, many: string])[] = [
  [86_400_000, 'day', 'days'],
  [3_600_000, 'h', 'h'],
  [60_000, 'min', 'min'],
  [1_000, 's', 's'],
];

/** The largest unit alone: "3 days", "5 min", "< 1 s". */
export function duration(ms: number): string {
  for (const [length, one, many] of STEPS) {
    const number = Math.floor(ms / length);
    if (number >= 1) return `${number} ${number === 1 ? one : many}`;
  }
  return '< 1 s';
}

/** "just now", "5 min ago"; a clock that runs ahead of ours counts as now. */
export function ago(atMs: number, nowMs: number): string {
  return nowMs - atMs < 5_000 ? 'just now' : `${duration(nowMs - atMs)} ago`;
}

/** "9:58", "1:02:03"; nothing left: "0:00". */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  const hours = Math.floor(seconds / 3600);
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return hours > 0 ? `${hours}:${text}` : text.replace(/^0(?=\d:)/, '');
}

/** Date and time to the second, in the reader's own zone. */
export function exactTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** "1 device", "2 devices". */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** The time of a point in local time; with seconds where points are less than a minute apart. */
export function pointTime(atMs: number, stepMs: number): string {
  const format: Intl.DateTimeFormatOptions = {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  };
  if (stepMs < 60_000) format.second = '2-digit';
  return new Date(atMs).toLocaleString(undefined, format);
}
