// Standard output: what --json prints, the end of its reader, and the wait for output that a slow reader has not taken.

/** One value on one line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The reader of our output has read enough (`| head`): that ends the command, and is no failure. */
export function endWithReader(out: NodeJS.WriteStream): void {
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/**
 * Resolves when all that was written has left, or its reader has: a pipe holds 64 KiB, and process.exit() throws the rest away.
 */
export function outputHasLeft(output: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    output.on('error', () => resolve());
    if (!output.writable) resolve();
    // Writes are taken in order, so all before this one have left with it.
    else output.write('', () => resolve());
  });
}
