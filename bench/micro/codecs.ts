// Frames, SOCKS requests and hand-overs between threads: what a stream costs beside its bytes.

import type { Bench } from 'tinybench';
import { ENGINE } from '../../src/limits/engine.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { SOCKS, Socks5Parser } from '../../src/proxy/socks5.ts';
import { decodeOpen, HandOverEncoder } from '../../src/ring/handOver.ts';
import { RingReader, RingWriter, ringBuffer } from '../../src/ring/ring.ts';
import {
  connectBytes,
  FRAME,
  HEADER_BYTES,
  payloadLength,
  readConnectHost,
  readConnectPort,
  readU32,
  writeConnect,
  writeHeader,
} from '../../src/tunnel/frames.ts';

const HOST = 'www.example.com';

export function addCodecs(bench: Bench): void {
  addFrames(bench);
  addSocks(bench);
  addHandOver(bench);
}

function addFrames(bench: Bench): void {
  const bytes = new Uint8Array(PROTOCOL.recordMaxBytes);
  const dataBytes = 512;
  const frames = 100;
  bench.add(`frames: write and read ${frames} DATA headers`, () => {
    let at = 0;
    for (let i = 0; i < frames; i++) {
      writeHeader(bytes, at, FRAME.DATA, i, dataBytes);
      at += HEADER_BYTES + dataBytes;
    }
    let sum = 0;
    for (let offset = 0; offset < at; offset += HEADER_BYTES + payloadLength(bytes, offset, at)) {
      sum += readU32(bytes, offset + 1);
    }
    if (sum !== (frames * (frames - 1)) / 2) throw new Error('wrong ids');
  });
  bench.add('frames: write and read a CONNECT', () => {
    const length = connectBytes(HOST);
    writeHeader(bytes, 0, FRAME.CONNECT, 1, length);
    writeConnect(bytes, HEADER_BYTES, HOST, 443);
    if (readConnectPort(bytes, HEADER_BYTES) !== 443) throw new Error('wrong port');
    if (readConnectHost(bytes, HEADER_BYTES, length) !== HOST) throw new Error('wrong host');
  });
}

function addSocks(bench: Bench): void {
  const greeting = Uint8Array.of(5, 1, 0);
  const name = new TextEncoder().encode(HOST);
  const request = Uint8Array.of(5, 1, 0, 3, name.length, ...name, 1, 187);
  bench.add('socks5: greeting and request with a name', () => {
    const parser = new Socks5Parser();
    parser.feed(greeting, 0, greeting.length);
    parser.feed(request, 0, request.length);
    if (parser.state !== SOCKS.ready) throw new Error('not understood');
  });
}

function addHandOver(bench: Bench): void {
  const buffer = ringBuffer(ENGINE.handOverRingBytes);
  const writer = new RingWriter(buffer);
  const reader = new RingReader(buffer);
  const encoder = new HandOverEncoder();
  const request = {
    kind: 0,
    host: HOST,
    port: 443,
    plan: null,
    user: 0,
    early: new Uint8Array(0),
    asked: 1,
    session: '',
    tried: [],
    waitedMs: 0,
  };
  bench.add('ring: hand a client over, one thread', () => {
    const length = encoder.open(1, 2, request);
    encoder.setFd(9);
    if (!writer.push(encoder.bytes, length) || !reader.next()) throw new Error('nothing handed over');
    decodeOpen(reader.bytes, reader.offset, reader.length);
    reader.done();
  });
}
