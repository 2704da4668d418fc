// Between a node's settings and the form: what the fields show, and the change that they ask for. Pure.

import type { NodeChange, NodeLimits, NodeView } from '../../model/fleet.ts';

const GB = 1e9;

export interface FormValues {
  readonly mbit: string;
  readonly streams: string;
  readonly quotaGB: string;
  readonly from: string;
  readonly to: string;
  readonly tags: string;
  readonly country: string;
  readonly schedule: string;
}

type Settings = Pick<NodeView, 'limits' | 'tags' | 'country' | 'rotateSchedule'>;

export function valuesOf({ limits, tags, country, rotateSchedule }: Settings): FormValues {
  const [from = '', to = ''] = limits.hours?.split('-') ?? [];
  return {
    mbit: limits.mbitPerSecond === null ? '' : String(limits.mbitPerSecond),
    streams: limits.streams === null ? '' : String(limits.streams),
    quotaGB: limits.monthlyBytes === null ? '' : String(limits.monthlyBytes / GB),
    from,
    to,
    tags: tags.join(', '),
    country: country ?? '',
    schedule: rotateSchedule ?? '',
  };
}

/** Only what differs. An empty field removes its limit. */
export function changeOf(node: Settings, values: FormValues): NodeChange {
  const { from, to } = values;
  const quota = numberOrNull(values.quotaGB);
  const limits: NodeLimits = {
    mbitPerSecond: numberOrNull(values.mbit),
    streams: numberOrNull(values.streams),
    monthlyBytes: quota === null ? null : Math.round(quota * GB),
    hours: from === '' && to === '' ? null : `${from}-${to}`,
  };
  const changed = Object.entries(limits).filter(
    ([name, value]) => value !== node.limits[name as keyof NodeLimits],
  );
  const tags = [
    ...new Set(
      values.tags
        .split(',')
        .map((tag) => tag.trim())
        .filter(Boolean),
    ),
  ];
  const country = values.country.trim().toUpperCase() || null;
  const rotateSchedule = values.schedule.trim() || null;
  return {
    ...(changed.length > 0 && { limits: Object.fromEntries(changed) as Partial<NodeLimits> }),
    ...(tags.join('\n') !== node.tags.join('\n') && { tags }),
    ...(country !== node.country && { country }),
    ...(rotateSchedule !== node.rotateSchedule && { rotateSchedule }),
  };
}

function numberOrNull(text: string): number | null {
  const number = Number(text);
  return text.trim() === '' || !Number.isFinite(number) ? null : number;
}
