// How many sessions a hub takes: what its memory and its descriptors allow. Pure.

import { SESSION } from '../../limits/session.ts';

/**
 * @param memoryBytes that this process may use
 * @param descriptors RLIMIT_NOFILE, or Infinity
 */
export function sessionsMaxOf(memoryBytes: number, descriptors: number): number {
  const { indicesMax, memoryDivisor, restingBytes, clientDescriptorsMax } = SESSION;
  const byMemory = memoryBytes / memoryDivisor / restingBytes;
  const byDescriptors = descriptors - Math.min(descriptors / 2, clientDescriptorsMax);
  const byIndices = (indicesMax * 3) / 4;
  return Math.max(1, Math.floor(Math.min(byMemory, byDescriptors, byIndices)));
}
