// How long the path of a Unix socket may be. A longer one is cut short in silence, or refused without a reason. Pure.

/** sun_path with its closing zero holds 108 bytes on Linux, 104 on the BSDs and macOS. */
function maxBytes(platform: NodeJS.Platform): number {
  return platform === 'linux' || platform === 'android' ? 107 : 103;
}

/** Why no socket can be there, as the beginning of a sentence; null: it can. */
export function socketPathTrouble(path: string, platform: NodeJS.Platform): string | null {
  const max = maxBytes(platform);
  const bytes = Buffer.byteLength(path);
  return bytes <= max ? null : `the path ${path} is too long for a socket (${bytes} bytes; ${max} at most)`;
}
