// Periodic tasks, which outlive whatever goes wrong in one of their turns.

/** What a periodic task ran into; null: it works again. */
export type OnTrouble = (error: unknown) => void;

/**
 * Runs `task` every `everyMs`, never two turns at a time. A turn that throws or rejects is only reported, and the next one comes as
 * usual: a system call that fails because descriptors or memory ran out does not end the process.
 * @param onTrouble called with the error of the first turn that fails, and with null when a later one succeeds
 */
export function repeat(everyMs: number, task: () => unknown, onTrouble: OnTrouble): NodeJS.Timeout {
  let running = false;
  let failing = false;
  const turn = async () => {
    running = true;
    try {
      await task();
      if (failing) onTrouble(null);
      failing = false;
    } catch (error) {
      if (!failing) onTrouble(error ?? new Error('it failed without an error'));
      failing = true;
    } finally {
      running = false;
    }
  };
  return setInterval(() => {
    if (!running) void turn();
  }, everyMs);
}
