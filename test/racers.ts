// Processes that run the same script at the same moment, for tests of what several processes share.

import { spawn } from 'node:child_process';

/**
 * Starts `count` processes that first run `imports` and then, all at once when every one is ready, `race`. What each wrote to standard
 * output comes back in their order; `racer` is the number of each.
 */
export async function raced(
  count: number,
  { imports, race }: { readonly imports: string; readonly race: string },
): Promise<string[]> {
  const script = `
    ${imports}
    process.stdout.write('ready\\n');
    for await (const _ of process.stdin);
    const racer = Number(process.argv[1]);
    ${race}
  `;
  const children = Array.from({ length: count }, (_, racer) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, String(racer)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    const ready = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.startsWith('ready\n')) resolve();
      });
    });
    const done = new Promise<string>((resolve) => {
      child.on('close', () => resolve(output.slice('ready\n'.length)));
    });
    return { child, ready, done };
  });
  await Promise.all(children.map(({ ready }) => ready));
  for (const { child } of children) child.stdin.end();
  return Promise.all(children.map(({ done }) => done));
}
