// Hours of the day as an owner writes them: "HH:MM-HH:MM". Pure.

/** Minutes of the day, without the last one. A last minute before the first means past midnight. */
export type Hours = readonly [first: number, last: number];

const FORM = /^([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$/;
const DAY_MINUTES = 1_440;

/** null: not "HH:MM-HH:MM" between 00:00 and 24:00, or an empty span. */
export function parseHours(text: string): Hours | null {
  const parts = FORM.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return null;
  const first = parts[0]! * 60 + parts[1]!;
  const last = parts[2]! * 60 + parts[3]!;
  if (first >= DAY_MINUTES || last > DAY_MINUTES || first === last) return null;
  return [first, last];
}

/** Whether the minute is within one of these spans. No spans: always. */
export function isWithin(hours: readonly Hours[], minuteOfDay: number): boolean {
  if (hours.length === 0) return true;
  for (let i = 0; i < hours.length; i++) {
    const [first, last] = hours[i]!;
    if (first < last) {
      if (minuteOfDay >= first && minuteOfDay < last) return true;
    } else if (minuteOfDay >= first || minuteOfDay < last) return true;
  }
  return false;
}
