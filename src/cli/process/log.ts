// The log of the long-running commands, on stderr: JSON lines, or readable lines on a terminal.

import pino, { type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { LOG } from '../../limits/owner.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function openLog(level: LogLevel): Logger {
  const output = process.stderr;
  if (!output.isTTY) return pino({ level, base: null }, neverWaiting(output));
  unblock(output);
  const readable = prettyFactory({
    colorize: process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  });
  return pino({ level, base: null }, neverWaiting(output, { format: readable }));
}

/**
 * Node makes writes to a terminal wait for it, and it may be stopped (Ctrl-S) or far away. Only the stream's handle can be told
 * otherwise; libuv has opened the terminal anew for it, so no other program notices.
 */
function unblock(terminal: object): void {
  const { _handle: handle } = terminal as { _handle?: { setBlocking?(isBlocking: boolean): unknown } };
  handle?.setBlocking?.(false);
}

/** What a log is written to: process.stderr, as far as it is needed. */
export interface LogOutput {
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: 'error', listener: () => void): unknown;
}

export interface NeverWaitingOptions {
  readonly waitingMaxBytes?: number;
  /** How a line of JSON is shown. */
  readonly format?: (line: string) => string;
}

/**
 * Lines that a pipe or terminal has not taken wait up to a bound; past it they are dropped, and the next that goes out follows one that
 * counts them: the log's reader may hang, and the hub goes on. A reader that has gone no longer counts.
 */
export function neverWaiting(out: LogOutput, options: NeverWaitingOptions = {}): DestinationStream {
  const { waitingMaxBytes = LOG.waitingMaxBytes, format = (line: string) => line } = options;
  let dropped = 0;
  out.on('error', () => {});
  return {
    write(line) {
      if (out.writableLength + line.length > waitingMaxBytes) {
        dropped++;
        return;
      }
      if (dropped > 0) out.write(format(droppedLine(dropped)));
      dropped = 0;
      out.write(format(line));
    },
  };
}

function droppedLine(dropped: number): string {
  const msg = 'the log was not read fast enough: lines were dropped';
  return `${JSON.stringify({ level: pino.levels.values.warn, time: Date.now(), dropped, msg })}\n`;
}
