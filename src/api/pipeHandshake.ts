// Speaks the proof of pipeProof.ts over a connection, on either side, within a time.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { CONTROL } from '../limits/owner.ts';
import { CHALLENGE_BYTES, isProof, type PipeSecret, PROOF_BYTES, proofOf } from './pipeProof.ts';

/** Of the hub. Whether the other side is a command of the owner; what it sends afterwards is not read yet. Never rejects. */
export async function proveHub(socket: Socket, secret: PipeSecret): Promise<boolean> {
  const command = await read(socket, CHALLENGE_BYTES);
  if (command === null) return false;
  const challenges = { command, hub: randomBytes(CHALLENGE_BYTES) };
  socket.write(Buffer.concat([challenges.hub, proofOf('hub', secret, challenges)]));
  const proof = await read(socket, PROOF_BYTES);
  return proof !== null && isProof(proof, 'command', secret, challenges);
}

/** Of a command. Whether the other side is the hub. Never rejects. */
export async function proveCommand(socket: Socket, secret: PipeSecret): Promise<boolean> {
  const command = randomBytes(CHALLENGE_BYTES);
  socket.write(command);
  const answer = await read(socket, CHALLENGE_BYTES + PROOF_BYTES);
  if (answer === null) return false;
  const challenges = { command, hub: answer.subarray(0, CHALLENGE_BYTES) };
  if (!isProof(answer.subarray(CHALLENGE_BYTES), 'hub', secret, challenges)) return false;
  socket.write(proofOf('command', secret, challenges));
  return true;
}

/** So many bytes, and not one more; null when they do not come in time. */
function read(socket: Socket, bytes: number): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const end = (result: Buffer | null) => {
      clearTimeout(timer);
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onEnd);
      resolve(result);
    };
    const timer = setTimeout(() => end(null), CONTROL.proofTimeoutMs);
    const onEnd = () => end(null);
    const onReadable = () => {
      const chunk = socket.read(bytes) as Buffer | null;
      if (chunk !== null) end(chunk.length === bytes ? chunk : null);
    };
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onEnd);
    onReadable();
  });
}
