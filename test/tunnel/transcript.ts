// One session from its first byte, with fixed keys: the handshake, the first records, one stream that ends in order. The product writes it;
// wire-transcript.json holds what it must be, for other implementations to read.

import { PROTOCOL } from '../../src/limits/wire.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { answerWith, initiateWith } from '../../src/noise/handshake.ts';
import { type KeyPair, keyPairOf } from '../../src/noise/keyPair.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { CAPABILITY, encodeMessage1, encodeMessage2, VERSION } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { outboundSlabBytes } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { decodeFrames, show } from './framesTwin.ts';
import { deliver, Journal, takeAll, write } from './rawPeer.ts';

const QUEUE_MAX_BYTES = 200_000;
const PADDING_BYTES = 7;
/** Those that every implementation knows. */
const CAPABILITIES = CAPABILITY.goaway | CAPABILITY.udp | CAPABILITY.control;
const STATUS = '{"platform":"linux"}';

interface Step {
  readonly from: 'node' | 'hub';
  readonly what: string;
  /** What goes over the connection, the u16 length included. */
  readonly bytes: string;
  /** The decrypted payload of the message or record. */
  readonly plain: string;
  /** The frames of a record: type, id and payload in hex; of DATA its length. */
  readonly frames?: readonly string[];
}

export interface Transcript {
  readonly about: string;
  readonly prologue: string;
  readonly secretKeys: { hub: string; node: string; hubEphemeral: string; nodeEphemeral: string };
  readonly publicKeys: { hub: string; node: string };
  readonly nodeId: string;
  readonly recordKeys: { nodeToHub: string; hubToNode: string };
  readonly steps: readonly Step[];
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const secret = (byte: number) => new Uint8Array(32).fill(byte);

function withLength(message: Uint8Array): string {
  return hex(Uint8Array.of(message.length >> 8, message.length & 0xff, ...message));
}

export function makeTranscript(): Transcript {
  const secrets = { hub: secret(1), node: secret(2), hubEphemeral: secret(3), nodeEphemeral: secret(4) };
  const hub = keyPairOf(secrets.hub);
  const node = keyPairOf(secrets.node);
  const steps: Step[] = [];
  const keys = shakeHands(hub, node, secrets, steps);
  talk(keys, steps);
  return {
    about:
      'One restunnel/1 session, byte for byte: native-notes/wire-protocol.md. Made by scripts/wireTranscript.ts.',
    prologue: PROTOCOL.prologue,
    secretKeys: {
      hub: hex(secrets.hub),
      node: hex(secrets.node),
      hubEphemeral: hex(secrets.hubEphemeral),
      nodeEphemeral: hex(secrets.nodeEphemeral),
    },
    publicKeys: { hub: hex(hub.publicKey), node: hex(node.publicKey) },
    nodeId: nodeIdOf(node.publicKey),
    recordKeys: { nodeToHub: hex(keys.nodeToHub), hubToNode: hex(keys.hubToNode) },
    steps,
  };
}

interface RecordKeys {
  readonly nodeToHub: Uint8Array;
  readonly hubToNode: Uint8Array;
}

/** A first contact: ENROLL and ENROLL_OK. */
function shakeHands(
  hub: KeyPair,
  node: KeyPair,
  secrets: { hubEphemeral: Uint8Array; nodeEphemeral: Uint8Array },
  steps: Step[],
): RecordKeys {
  const prologue = new TextEncoder().encode(PROTOCOL.prologue);
  const payload1 = encodeMessage1(
    {
      timestamp: timestampAfter(1_700_000_000_123, null),
      version: VERSION,
      capabilities: CAPABILITIES,
      lane: 0,
      enroll: { token: secret(5), name: 'phone' },
    },
    PADDING_BYTES,
  );
  const initiator = initiateWith(
    { prologue, ephemeral: keyPairOf(secrets.nodeEphemeral) },
    { staticKeyPair: node, hubPublicKey: hub.publicKey, payload: payload1 },
  );
  steps.push({
    from: 'node',
    what: 'message 1 and mac1: first contact, with ENROLL',
    bytes: withLength(initiator.message1),
    plain: hex(payload1),
  });
  const payload2 = encodeMessage2(
    {
      version: VERSION,
      capabilities: CAPABILITIES,
      initialWindowBytes: PROTOCOL.initialWindowBytes,
      maxStreams: 32_768,
      observedAddress: '192.0.2.7',
      enrolledAs: nodeIdOf(node.publicKey),
    },
    PADDING_BYTES,
  );
  const answer = answerWith(
    { prologue, ephemeral: keyPairOf(secrets.hubEphemeral) },
    { staticKeyPair: hub, message1: initiator.message1, answer: () => payload2 },
  );
  if (answer === null) throw new Error('the hub does not answer');
  steps.push({
    from: 'hub',
    what: 'message 2, with ENROLL_OK',
    bytes: withLength(answer.message2),
    plain: hex(payload2),
  });
  const { sendKey, receiveKey } = initiator.finish(answer.message2);
  return { nodeToHub: sendKey, hubToNode: receiveKey };
}

function talk({ nodeToHub, hubToNode }: RecordKeys, steps: Step[]): void {
  const pool = (slabBytes: number) => new SlabPool(testSlab, slabBytes, 2 * slabBytes, 0);
  const pools = { outboundPool: pool(outboundSlabBytes(QUEUE_MAX_BYTES)), inboundPool: pool(262_144) };
  const make = (opens: boolean) =>
    new Session({
      ...pools,
      opens,
      waitsToGreet: opens,
      sendCipher: new TransportCipher(sodiumAead(opens ? hubToNode : nodeToHub)),
      receiveCipher: new TransportCipher(sodiumAead(opens ? nodeToHub : hubToNode)),
      queueMaxBytes: QUEUE_MAX_BYTES,
      capabilities: CAPABILITIES,
      // What is received has left for the local socket at once.
      handler: new Journal({ onData: (_slot, _offset, length) => length }),
      nowMs: 0,
    });
  const hub = make(true);
  const node = make(false);
  const readers = {
    hub: new TransportCipher(sodiumAead(hubToNode)),
    node: new TransportCipher(sodiumAead(nodeToHub)),
  };

  /** What one side has to say, in one record. */
  const say = (from: 'node' | 'hub', what: string) => {
    const bytes = takeAll(from === 'hub' ? hub : node);
    const sealedBytes = bytes.length - PROTOCOL.lengthBytes;
    const slab = testSlab(sealedBytes);
    slab.bytes.set(bytes.subarray(PROTOCOL.lengthBytes));
    if (!readers[from].open(slab, 0, sealedBytes)) throw new Error('not one whole record');
    const plain = slab.bytes.subarray(0, sealedBytes - PROTOCOL.tagBytes);
    steps.push({ from, what, bytes: hex(bytes), plain: hex(plain), frames: decodeFrames(plain)!.map(show) });
    deliver(from === 'hub' ? node : hub, bytes);
  };

  node.sendStatus(STATUS);
  say('node', 'its first record: STATUS');
  hub.greet(0);
  say('hub', 'its first record: streams may come');
  node.ping(0);
  say('node', 'PONG, and a PING of its own');
  const slot = hub.open('example.com', 443);
  write(hub, slot, new TextEncoder().encode('hello'));
  say('hub', 'CONNECT, PONG, and DATA ahead of the answer');
  node.accept(slot);
  write(node, slot, new TextEncoder().encode('world'));
  node.end(slot);
  say('node', 'CONNECT_OK, the answer and the end of this direction');
  hub.end(slot);
  say('hub', 'the end of the other direction: the stream is over');
  hub.sendGoAway();
  say('hub', 'GOAWAY');
  for (const session of [hub, node]) session.release();
}
