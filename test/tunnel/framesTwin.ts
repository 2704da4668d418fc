// The frame codec written again, slowly: an object per frame, DataView, node's Buffer for text.

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

export const TYPE = {
  PING: 0x03,
  PONG: 0x04,
  GOAWAY: 0x05,
  MARK: 0x06,
  MARKED: 0x07,
  CONNECT: 0x10,
  CONNECT_OK: 0x11,
  CONNECT_FAIL: 0x12,
  UDP_OPEN: 0x13,
  DATA: 0x20,
  CLOSE: 0x21,
  WINDOW: 0x22,
  DATAGRAM: 0x23,
  STATUS: 0x30,
  CONTROL: 0x31,
} as const;

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name]));

export function frame(type: number, id: number, payload: ArrayLike<number> = []): Frame {
  return { type, id, payload: Uint8Array.from(payload) };
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function connectPayload(host: string, port: number): Uint8Array {
  return Uint8Array.from([...u32(port).slice(2), ...Buffer.from(host, 'latin1')]);
}

/** The payload of a DATAGRAM; an address as its bytes, a name as text. */
export function datagramPayload(
  to: string | readonly number[],
  port: number,
  data: ArrayLike<number>,
): Uint8Array {
  const address =
    typeof to === 'string' ? [3, to.length, ...Buffer.from(to, 'latin1')] : [to.length === 4 ? 1 : 4, ...to];
  return Uint8Array.from([...address, ...u32(port).slice(2), ...Array.from(data)]);
}

export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  return Uint8Array.from(
    frames.flatMap(({ type, id, payload }) => [type, ...u32(id), ...u32(payload.length), ...payload]),
  );
}

/** Null when the frames do not fill the bytes exactly. */
export function decodeFrames(bytes: Uint8Array): Frame[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Frame[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 9) return null;
    const length = view.getUint32(at + 5);
    if (at + 9 + length > bytes.length) return null;
    frames.push({
      type: view.getUint8(at),
      id: view.getUint32(at + 1),
      payload: bytes.slice(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}

/** 'DATA 10000 5' and the like: type, id in hex, and for small payloads their bytes. */
export function show({ type, id, payload }: Frame): string {
  const name = NAMES.get(type) ?? `0x${type.toString(16)}`;
  const content = type === TYPE.DATA ? `${payload.length} bytes` : Buffer.from(payload).toString('hex');
  return `${name} ${id.toString(16)} ${content}`.trim();
}
