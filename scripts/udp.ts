// Datagrams through a hub and a node on loopback: round trips a second and the CPU time of each. `node scripts/udp.ts [SECONDS]`

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { endAll, MODES, startPair } from '../test/system/harness.ts';
import { closeUdp, UdpClient, UdpOrigin } from '../test/system/socksUdp.ts';

const LOOPBACK = [127, 0, 0, 1];
const DATA = Buffer.alloc(1_200);
const UNDER_WAY = 24;
const seconds = Number(process.argv[2] ?? 5);

/** User and system time, in ticks of 10 ms (proc(5)). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

for (const mode of MODES.filter(({ workers }) => workers === 0)) {
  const { hub, node } = await startPair(mode);
  const origin = await UdpOrigin.start();
  const client = await UdpClient.associate(hub.socks);
  let trips = 0;
  client.udp.on('message', () => {
    trips++;
    client.received.length = 0;
    client.send(LOOPBACK, origin.port, DATA);
  });
  for (let n = 0; n < UNDER_WAY; n++) client.send(LOOPBACK, origin.port, DATA);
  await delay(1_000);
  const before = { hub: cpuMs(hub.pid), node: cpuMs(node.pid), trips };
  await delay(seconds * 1_000);
  const made = trips - before.trips;
  const each = (ms: number) => `${((ms * 1_000) / made).toFixed(1)} µs`;
  console.log(
    `${mode.name}: ${Math.round(made / seconds)} round trips of ${DATA.length} bytes a second; CPU of each: ` +
      `hub ${each(cpuMs(hub.pid) - before.hub)}, node ${each(cpuMs(node.pid) - before.node)}`,
  );
  closeUdp();
  await endAll();
}
process.exit(0);
