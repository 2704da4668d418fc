// The log of the long-running commands, on stderr: JSON lines, or readable lines on a terminal.

import pino, { type DestinationStream, type Logger } from 'pino';
import pinoPretty from 'pino-pretty';
import { LOG } from '../../limits/ownerBounds.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function openLog(level: LogLevel): Logger {
  if (!process.stderr.isTTY) return pino({ level, base: null }, neverWaiting(process.stderr));
  const pretty = pinoPretty({
    destination: 2,
    sync: true,
    colorize: process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  });
  return pino({ level, base: null }, pretty);
}

/** What a log is written to: process.stderr, as far as it is needed. */
export interface LogOutput {
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/**
 * Lines that a pipe has not taken wait up to a bound; past it they are dropped, and the next that goes out follows one that counts them:
 * the log's reader may hang, and the hub goes on. A reader that has gone no longer counts.
 */
export function neverWaiting(
  out: LogOutput,
  waitingMaxBytes: number = LOG.waitingMaxBytes,
): DestinationStream {
  let dropped = 0;
  out.on('error', () => {});
  return {
    write(line) {
      if (out.writableLength + line.length > waitingMaxBytes) {
        dropped++;
        return;
      }
      if (dropped > 0) out.write(droppedLine(dropped));
      dropped = 0;
      out.write(line);
    },
  };
}

function droppedLine(dropped: number): string {
  const msg = 'the log was not read fast enough: lines were dropped';
  return `${JSON.stringify({ level: pino.levels.values.warn, time: Date.now(), dropped, msg })}\n`;
}
