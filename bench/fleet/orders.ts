// What the bench and its process of devices say to each other.

export type DeviceOrder =
  | {
      readonly type: 'enrol';
      readonly tunnel: string;
      readonly lanes: number;
      readonly devices: readonly NewDevice[];
    }
  /** Every connection breaks at once; the devices return as devices do. */
  | { readonly type: 'drop' }
  /** Lose the network: these devices vanish, every other one without a word. They return after `backMs`. */
  | { readonly type: 'vanish'; readonly count: number; readonly backMs: number };

export interface NewDevice {
  readonly link: string;
  readonly name: string;
  /** Its own address. */
  readonly from: string;
}

/** Whenever something has changed, and no more often than every few milliseconds. */
export interface DeviceNews {
  /** Sessions, and those of first lanes among them. */
  readonly connected: number;
  readonly firstLanes: number;
  /** Attempts that ended without a session: the hub was away, or did not answer. */
  readonly failedAttempts: number;
}
