// Where the fields of struct epoll_event lie: packed on x86-64 (12 bytes), aligned elsewhere (16).
// The 64-bit data field is used as two little-endian u32 words.

export interface EpollLayout {
  readonly strideBytes: number;
  /** Offset of the data field; the events mask is at 0. */
  readonly dataOffset: number;
}

/** The layout for a process.arch (include/uapi/linux/eventpoll.h: EPOLL_PACKED is set for x86-64 alone). */
export function epollLayout(arch: string): EpollLayout {
  return arch === 'x64' ? { strideBytes: 12, dataOffset: 4 } : { strideBytes: 16, dataOffset: 8 };
}

export function eventsAt(view: DataView, layout: EpollLayout, index: number): number {
  return view.getUint32(index * layout.strideBytes, true);
}

/** First u32 word of the data. */
export function wordAt(view: DataView, layout: EpollLayout, index: number): number {
  return view.getUint32(index * layout.strideBytes + layout.dataOffset, true);
}

/** Second u32 word of the data. */
export function secondWordAt(view: DataView, layout: EpollLayout, index: number): number {
  return view.getUint32(index * layout.strideBytes + layout.dataOffset + 4, true);
}

export function writeEvent(
  view: DataView,
  layout: EpollLayout,
  index: number,
  events: number,
  word: number,
  secondWord: number,
): void {
  const at = index * layout.strideBytes;
  view.setUint32(at, events, true);
  view.setUint32(at + layout.dataOffset, word, true);
  view.setUint32(at + layout.dataOffset + 4, secondWord, true);
}
