// Standard output: what --json prints, and the end of whoever reads it.

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
