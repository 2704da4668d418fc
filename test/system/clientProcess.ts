// A client process whose streams run in both directions and never end by themselves. Arguments: the SOCKS port, the target's port, the
// number of streams. Prints "busy" once every stream has moved bytes.

import { openStreams } from './stream.ts';

const [socks, port, count] = process.argv.slice(2).map(Number) as [number, number, number];
const proxy = { host: '127.0.0.1', port: socks };
const downloads = await openStreams(proxy, port, 'flood', count);
const uploads = await openStreams(proxy, port, 'sink', count);
for (const upload of uploads) upload.upload(Number.POSITIVE_INFINITY);
const timer = setInterval(() => {
  const busy = [
    ...downloads.map(({ received }) => received),
    ...uploads.map(({ socket }) => socket.bytesWritten - socket.writableLength),
  ];
  if (busy.some((bytes) => bytes < 500_000)) return;
  clearInterval(timer);
  process.stdout.write('busy\n');
}, 10);
