// The log of the long-running commands, on stderr: JSON lines, or readable lines on a terminal.

import pino, { type Logger } from 'pino';
import pinoPretty from 'pino-pretty';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Written synchronously: a line is out before the process can end, and the log has no thread of its own. */
export function openLog(level: LogLevel): Logger {
  if (!process.stderr.isTTY) {
    return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  }
  const pretty = pinoPretty({
    destination: 2,
    sync: true,
    colorize: process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  });
  return pino({ level, base: null }, pretty);
}
