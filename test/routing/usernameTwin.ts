// A naive parser of user names: regular expressions over the whole text. null: refused.

const VALUE: Readonly<Record<string, RegExp>> = {
  node: /^[^-]{1,64}$/,
  tag: /^\w{1,32}$/,
  country: /^[a-z]{2}$/i,
  platform: /^\w{1,32}$/,
  net: /^(wifi|cellular|ethernet)$/i,
  session: /^\w{1,64}$/,
  ttl: /^\d{1,5}[smh]?$/i,
};

export function usernameTwin(text: string): object | null {
  if (text.length > 255) return null;
  const match = /^([^-]*)((?:-[^-]*)*)$/su.exec(text)!;
  const user = match[1]!;
  let rest = match[2]!;
  const seen = new Map<string, string[]>();
  while (rest !== '') {
    const flag = /^-(strict|rotate)(?:-([01])(?=-|$))?(?=-|$)/i.exec(rest);
    const pair = /^-([a-z]+)-([^-]*)(?=-|$)/i.exec(rest);
    const [whole, key, value] =
      flag !== null ? [flag[0], flag[1]!, flag[2] ?? '1'] : [pair?.[0], pair?.[1], pair?.[2]];
    if (whole === undefined || key === undefined || value === undefined) return null;
    const name = key.toLowerCase();
    const allowed = flag !== null ? /^[01]$/ : VALUE[name];
    if (
      allowed === undefined ||
      !Object.hasOwn({ ...VALUE, strict: 1, rotate: 1 }, name) ||
      !allowed.test(value)
    )
      return null;
    seen.set(name, [...(seen.get(name) ?? []), value]);
    rest = rest.slice(whole.length);
  }
  for (const [key, values] of seen) if (key !== 'tag' && values.length > 1) return null;
  const terms = new Set<string>();
  for (const key of ['node', 'tag', 'country', 'platform', 'net']) {
    for (const value of seen.get(key) ?? [])
      terms.add(`${key}:${value.toLowerCase().replace(/[^a-z0-9]/g, '_')}`);
  }
  if (terms.size > 16) return null;
  const [session] = seen.get('session') ?? [];
  const flags = ['ttl', 'strict', 'rotate'].some((key) => seen.has(key));
  if (session === undefined) return flags ? null : { user, terms: [...terms].sort() };
  const [ttl = '10m'] = seen.get('ttl') ?? [];
  const ttlMs = Number.parseInt(ttl, 10) * ({ s: 1, m: 60, h: 3600 }[ttl.at(-1)!.toLowerCase()] ?? 60) * 1000;
  if (ttlMs < 1_000 || ttlMs > 86_400_000) return null;
  return {
    user,
    terms: [...terms].sort(),
    sticky: {
      name: session,
      key: `${user}-${session}`,
      ttlMs,
      strict: seen.get('strict')?.[0] === '1',
      rotate: seen.get('rotate')?.[0] === '1',
    },
  };
}
