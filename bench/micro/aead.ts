// ChaCha20-Poly1305 by length and provider, and records sealed and opened as a tunnel does.

import type { Bench } from 'tinybench';
import { ENGINE } from '../../src/limits/engine.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import type { AeadFactory } from '../../src/noise/aead.ts';
import { chooseAead } from '../../src/noise/aeadProvider.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { Inbound } from '../../src/tunnel/inboundRecords.ts';
import { Outbound, outboundSlabBytes } from '../../src/tunnel/outboundRecords.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { makeSlab } from './slabs.ts';

const LENGTHS = [64, 512, 1_400, 16_384, 65_000];
const KEY = new Uint8Array(32).fill(7);

export function addAead(bench: Bench): void {
  const chosen = chooseAead(makeSlab);
  const providers: [string, AeadFactory][] = [['libsodium', sodiumAead]];
  if (chosen.name !== 'libsodium') providers.push([chosen.name, chosen.make]);
  for (const [name, make] of providers) {
    for (const length of LENGTHS) addSealAndOpen(bench, name, make, length);
  }
  for (const length of LENGTHS) addRecord(bench, chosen.make, length);
}

/** Opening needs a sealed text of its own each time, so both are one measurement. */
function addSealAndOpen(bench: Bench, name: string, make: AeadFactory, length: number): void {
  const slab = makeSlab(length + PROTOCOL.tagBytes);
  const aead = make(KEY);
  let nonce = 0;
  bench.add(`aead ${name}: seal and open ${length} B`, () => {
    nonce++;
    aead.seal(slab, 0, length, nonce, 0);
    if (!aead.open(slab, 0, length + PROTOCOL.tagBytes, nonce, 0)) throw new Error('does not authenticate');
  });
}

/** From plaintext in the record being built to plaintext of the record received, without the socket in between. */
function addRecord(bench: Bench, make: AeadFactory, length: number): void {
  const outboundBytes = outboundSlabBytes(ENGINE.tunnelQueueBytes);
  const outbound = new Outbound(
    new TransportCipher(make(KEY)),
    new SlabPool(makeSlab, outboundBytes, outboundBytes, 0),
  );
  const inboundPool = new SlabPool(makeSlab, ENGINE.tunnelReadBytes, ENGINE.tunnelReadBytes, 0);
  const inbound = new Inbound(new TransportCipher(make(KEY)), inboundPool);
  bench.add(`record: seal, copy and open ${length} B`, () => {
    outbound.reserve(length);
    outbound.commit(length);
    outbound.seal();
    const { queuedBytes, headOffset, slab } = outbound;
    const at = inbound.room();
    inbound.slab.bytes.set(slab.bytes.subarray(headOffset, headOffset + queuedBytes), at);
    inbound.received(queuedBytes);
    outbound.sent(queuedBytes);
    if (!inbound.next()) throw new Error('no record');
    inbound.settle();
  });
}
