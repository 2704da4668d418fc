// Strangers by the thousand against the tunnel port of a hub on this machine: opens connections at a steady rate, says something or
// nothing on each, holds them until the hub ends them, and reads whatever comes.
//   node scripts/flood.ts HOST:PORT [--rate 1000] [--seconds 10] [--from 127.0.0.2,127.0.0.3] [--say nothing|garbage|talk]
// Ends after --seconds or when standard input ends; prints one JSON object: what was opened, and how it ended.

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { parseLoopbackHostPort } from '../src/base/hostPort.ts';

const TICK_MS = 10;
const TALK_EVERY_MS = 100;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    from: { type: 'string', default: '127.0.0.2' },
    say: { type: 'string', default: 'nothing' },
  },
});
const target = positionals[0] ?? '';
const { host, port } = parseLoopbackHostPort(target, 'the hub to flood');

const rate = Number(values.rate);
const sources = values.from.split(',');
const garbage = randomBytes(700);
const open = new Set<Socket>();
const seen = { opened: 0, bytes: 0, fin: 0, reset: 0, refused: 0 };
let stopping = false;

function openOne(): void {
  const localAddress = sources[seen.opened % sources.length]!;
  seen.opened++;
  const socket = connect({ host, port, localAddress });
  let connected = false;
  let ended = false;
  let talking: NodeJS.Timeout | null = null;
  open.add(socket);
  socket.on('connect', () => {
    connected = true;
    if (values.say !== 'nothing') socket.write(garbage);
    if (values.say === 'talk') talking = setInterval(() => socket.write(garbage), TALK_EVERY_MS);
  });
  socket.on('data', (data) => {
    seen.bytes += data.length;
  });
  socket.on('end', () => {
    ended = true;
    seen.fin++;
  });
  socket.on('error', () => {
    if (!stopping && !ended) seen[connected ? 'reset' : 'refused']++;
  });
  socket.on('close', () => {
    if (talking !== null) clearInterval(talking);
    open.delete(socket);
  });
}

const startedMs = performance.now();
const ticking = setInterval(() => {
  const passedMs = performance.now() - startedMs;
  if (passedMs >= Number(values.seconds) * 1_000) stop();
  else while (seen.opened < (passedMs * rate) / 1_000) openOne();
}, TICK_MS);
process.stdin.resume().on('end', stop).on('error', stop);

function stop(): void {
  if (stopping) return;
  stopping = true;
  clearInterval(ticking);
  const { user, system } = process.cpuUsage();
  const passedMs = Math.round(performance.now() - startedMs);
  process.stdout.write(
    `${JSON.stringify({ ...seen, passedMs, cpuMs: Math.round((user + system) / 1_000) })}\n`,
  );
  for (const socket of open) socket.destroy();
  process.stdin.destroy();
}
