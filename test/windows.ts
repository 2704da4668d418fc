// What tests expect of Windows where it differs from all others. Called from tests of every folder.

export const isWindows = process.platform === 'win32';

/** The mode that stat() tells of a file made with `mode`: Windows keeps none, and Node shows what the read-only bit leaves. */
export function modeOf(mode: number): number {
  return isWindows ? 0o666 : mode;
}
