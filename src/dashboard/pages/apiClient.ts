// The hub's API as these pages call it: JSON in and out, the browser session's token on every request, one error with one sentence.

import type {
  ConnectFigures,
  EventKind,
  EventPage,
  EventRecord,
  History,
  HistoryRange,
  HubStatus,
  LiveStream,
  NodeChange,
  NodeView,
  Pairing,
  PairingState,
  PhoneApp,
  Rotation,
} from '../../model/fleet.ts';

/** After this long the hub will not answer any more. */
const TIMEOUT_MS = 15_000;
/** A rotation waits for the device's own command, a test for the target. */
const SLOW_TIMEOUT_MS = 180_000;

/** `status` 0: the hub could not be reached. The message is for the owner. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

let token: string | null = null;

/** The token of this browser session. Goes to the login page when the hub wants a password first. */
export async function openSession(): Promise<{ hasPassword: boolean }> {
  const answer = await send('/api/v1/session', {}, TIMEOUT_MS);
  const { token: given, hasPassword } = (await answer.json()) as { token: string; hasPassword: boolean };
  token = given;
  return { hasPassword };
}

export async function logOut(): Promise<void> {
  await send('/api/v1/logout', { method: 'POST', headers: sessionHeaders() }, TIMEOUT_MS);
  location.assign('/login');
}

export function sessionHeaders(): Record<string, string> {
  return token === null ? {} : { 'X-Restunnel-Token': token };
}

async function send(path: string, init: RequestInit, timeoutMs: number): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(timeoutMs), ...init });
  } catch {
    throw new ApiError(0, 'The hub does not answer.');
  }
  if (response.ok) return response;
  if (response.status === 401) location.assign('/login');
  throw new ApiError(response.status, await reasonOf(response));
}

/** The sentence of a problem (RFC 9457). */
async function reasonOf(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === 'string' && detail !== '') return sentence(detail);
  } catch {
    // Not JSON: the status must do.
  }
  return `The hub answered with status ${response.status}.`;
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

async function call<T>(method: string, path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<T> {
  const answer = await sendOrRenew(() => {
    const headers: Record<string, string> = sessionHeaders();
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return send(`/api/v1/${path}`, init, timeoutMs);
  });
  return (await answer.json()) as T;
}

/** A token of an earlier run of the hub is renewed, once. */
async function sendOrRenew(attempt: () => Promise<Response>): Promise<Response> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    await openSession();
    return attempt();
  }
}

const nodePath = (id: string, rest = ''): string => `nodes/${encodeURIComponent(id)}${rest}`;

export const getStatus = (): Promise<HubStatus> => call('GET', 'status');
export const getNodes = (): Promise<NodeView[]> => call('GET', 'nodes');
export const getNode = (id: string): Promise<NodeView> => call('GET', nodePath(id));
export const getConnects = (id: string): Promise<ConnectFigures> => call('GET', nodePath(id, '/connects'));
export const changeNode = (id: string, change: NodeChange): Promise<NodeView> =>
  call('PATCH', nodePath(id), change);
export const revokeNode = (id: string): Promise<NodeView> => call('POST', nodePath(id, '/revoke'), {});
export const rotateNode = (id: string): Promise<Rotation> =>
  call('POST', nodePath(id, '/rotate'), {}, SLOW_TIMEOUT_MS);

export const getStreams = (id: string): Promise<LiveStream[]> =>
  call('GET', `streams?node=${encodeURIComponent(id)}`);

export function getHistory(id: string | null, range: HistoryRange): Promise<History> {
  return call('GET', `history?range=${range}${id === null ? '' : `&node=${encodeURIComponent(id)}`}`);
}

export interface EventFilter {
  readonly kind: EventKind | null;
  readonly nodeId: string | null;
  readonly contains: string;
}

/** The newest, newest first. */
export function getEvents(filter: EventFilter, limit: number): Promise<EventPage> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (filter.kind !== null) query.set('kind', filter.kind);
  if (filter.nodeId !== null) query.set('node', filter.nodeId);
  if (filter.contains !== '') query.set('contains', filter.contains);
  return getEventPage(`/api/v1/events?${query}`);
}

/** `path`: a link of another page. In the answer, `older` and `newer` are such paths. */
export async function getEventPage(path: string): Promise<EventPage> {
  const answer = await sendOrRenew(() => send(path, { headers: sessionHeaders() }, TIMEOUT_MS));
  const events = (await answer.json()) as EventRecord[];
  const link = (rel: string) =>
    new RegExp(`<([^>]*)>; rel="${rel}"`).exec(answer.headers.get('Link') ?? '')?.[1] ?? null;
  const missing = answer.headers.get('Restunnel-Missing-Hubs');
  return {
    events,
    older: link('next'),
    newer: link('prev'),
    missingHubs: missing === null ? [] : missing.split(',').map(decodeURIComponent),
  };
}

export const makePairing = (name: string | null): Promise<Pairing> => call('POST', 'pairings', { name });
export const getPairing = (id: string): Promise<PairingState> =>
  call('GET', `pairings/${encodeURIComponent(id)}`);
export const cancelPairing = (id: string): Promise<PairingState> =>
  call('DELETE', `pairings/${encodeURIComponent(id)}`);

/** `app` is null when the hub has none. */
export const getPhoneApp = (): Promise<{ app: PhoneApp | null }> => call('GET', 'phone-app');

export interface TestFetch {
  readonly url: string;
  readonly nodeId: string;
  /** Those that were completed, in order, each with its own time. */
  readonly steps: readonly { readonly step: string; readonly ms: number }[];
  readonly totalMs: number;
  readonly status: number | null;
  /** The first address in the target's answer: where it saw us come from. */
  readonly address: string | null;
  /** Why it ended early. */
  readonly error: string | null;
}

export const testFetch = (node: string, url: string): Promise<TestFetch> =>
  call('POST', 'test-fetch', { node, url }, SLOW_TIMEOUT_MS);
