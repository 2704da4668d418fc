// The hub's local time: the owner lives by it, so quotas, hours and schedules do too. Pure apart from the process's time zone.

/** The local date as '2026-02-28'. */
export function localDay(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The calendar month of a local date, as '2026-02'. */
export function monthOfDay(day: string): string {
  return day.slice(0, 7);
}

/** Minutes since local midnight as the clock on the wall shows them, 0..1439. */
export function localMinute(atMs: number): number {
  const date = new Date(atMs);
  return date.getHours() * 60 + date.getMinutes();
}

/** "HH:MM" as minutes since midnight; null for any other text. */
export function parseClock(text: string): number | null {
  const match = /^([01][0-9]|2[0-3]):([0-5][0-9])$/.exec(text);
  return match === null ? null : Number(match[1]) * 60 + Number(match[2]);
}
