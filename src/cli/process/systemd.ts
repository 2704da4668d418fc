// Tells systemd, or whoever started us the same way, that we are ready, alive and stopping (sd_notify(3)). Datagrams on a Unix socket,
// which Node has no module for, so through libc; without it, or without NOTIFY_SOCKET, nothing is said.

import {
  AF_UNIX,
  type Libc,
  loadLibc,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from '../../reactor/libc.ts';

export interface Watched {
  /** Resolves once every engine thread has answered: never, while one of them hangs. */
  alive(): Promise<void>;
  /** How it goes, in a few words for `systemctl status`. */
  summary(): string;
  stop(): Promise<void>;
  readonly ended: Promise<Error | null>;
}

/** sockaddr_un: u16 family, then the path (unix(7)). */
const PATH_OFFSET = 2;
const PATH_MAX_BYTES = 108;
const MESSAGE_MAX_BYTES = 512;
/** Without a watchdog, STATUS is renewed this often. */
const STATUS_EVERY_MS = 30_000;

/**
 * Says READY=1 now, WATCHDOG=1 at half of WATCHDOG_USEC as long as the engine threads answer, and STOPPING=1 when stop() is called
 * on what it returns, which is to be stopped in place of `running`.
 * @param env NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are looked at
 */
export function underSystemd(running: Watched, env: NodeJS.ProcessEnv): Pick<Watched, 'stop' | 'ended'> {
  const say = notifier(env.NOTIFY_SOCKET ?? '');
  if (say === null) return running;
  const { ended } = running;
  say(`READY=1\nSTATUS=${running.summary()}`);
  const watchdogMs = watchdogTimeoutMs(env);
  let asked = false;
  const timer = setInterval(
    () => {
      if (asked) return;
      asked = true;
      void running.alive().then(() => {
        asked = false;
        say(`${watchdogMs === null ? '' : 'WATCHDOG=1\n'}STATUS=${running.summary()}`);
      });
    },
    watchdogMs === null ? STATUS_EVERY_MS : watchdogMs / 2,
  );
  timer.unref();
  let stopping = false;
  return {
    ended,
    async stop() {
      if (!stopping) say('STOPPING=1\nSTATUS=stopping: open streams may end');
      stopping = true;
      await running.stop();
      clearInterval(timer);
    },
  };
}

/** null: no watchdog, or one for another process. */
function watchdogTimeoutMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | null {
  const timeoutMs = Number(WATCHDOG_USEC) / 1_000;
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) return null;
  return WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid ? timeoutMs : null;
}

/** null where nobody listens or nothing can be said. */
function notifier(path: string): ((text: string) => void) | null {
  const bytes = Buffer.from(path);
  if (bytes.length === 0 || bytes.length >= PATH_MAX_BYTES) return null;
  // A name in the abstract namespace is written with @ for its first byte, which is zero.
  if (bytes[0] === 0x40) bytes[0] = 0;
  else if (bytes[0] !== 0x2f) return null;
  const libc = loadLibc();
  if (libc === null) return null;
  // On an ArrayBuffer of its own, which does not move.
  const memory = new Uint8Array(new ArrayBuffer(PATH_OFFSET + PATH_MAX_BYTES + MESSAGE_MAX_BYTES));
  memory[0] = AF_UNIX;
  memory.set(bytes, PATH_OFFSET);
  const address = libc.addressOf(memory);
  const addressBytes = PATH_OFFSET + bytes.length;
  const messageAt = PATH_OFFSET + PATH_MAX_BYTES;
  return (text) => {
    const { written } = new TextEncoder().encodeInto(text, memory.subarray(messageAt));
    sendTo(libc, address, addressBytes, address + messageAt, written);
  };
}

/** One datagram. When it cannot be sent, it is left out: the watchdog comes again, and nothing here is worth stopping for. */
function sendTo(libc: Libc, to: number, toBytes: number, message: number, messageBytes: number): void {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  if (libc.connect(fd, to, toBytes) === 0) libc.send(fd, message, messageBytes, MSG_NOSIGNAL);
  libc.close(fd);
}
