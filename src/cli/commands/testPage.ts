// `restunnel test`: fetches a page through the running hub, as a client would, and shows how it went.

import { resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, runningHub } from '../../boot/ownerClient.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { printJson } from '../output/stdout.ts';
import { drawTable } from '../output/terminalText.ts';

export interface TestFlags extends CommonFlags {
  node?: string;
  json?: boolean;
}

const STEPS = {
  proxy: 'the proxy answered',
  stream: 'the device opened the connection',
  tls: 'TLS handshake',
  firstByte: 'first byte',
  whole: 'the rest',
} as const;

/** Resolves with the exit code: 1 when the page could not be fetched. */
export async function runTestFetch(url: string | undefined, flags: TestFlags): Promise<number> {
  const api = runningHub(resolveDataDir(flags.dataDir));
  const json = { node: flags.node ?? null, ...(url === undefined ? {} : { url }) };
  const result = await answerOf(api['test-fetch'].$post({ json }));
  if (flags.json === true) {
    printJson(result);
    return result.ok ? 0 : 1;
  }
  const { ok, error, status, address, nodeName, totalMs, steps } = result;
  const rows = [
    ['page', result.url],
    ['through', nodeName ?? 'whichever device the hub chose'],
    ...(status === null ? [] : [['status', String(status)]]),
    ...(address === null ? [] : [['address seen there', address]]),
    ...steps.map(({ step, ms }) => [STEPS[step], `${ms} ms`]),
    ['in all', `${totalMs} ms`],
  ];
  process.stdout.write(drawTable(rows));
  if (!ok) process.stderr.write(`restunnel: ${error ?? 'the page could not be fetched'}\n`);
  return ok ? 0 : 1;
}
