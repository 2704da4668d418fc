// The orders that the bench gives to its load processes, and the news that come back. Types only.

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The way to the origin: straight, or through a SOCKS5 proxy without credentials. */
export interface Way {
  readonly proxy: Address | null;
  readonly targets: readonly Address[];
}

/** What each stream of a group carries. */
export type Load =
  /** Each stream carries one request and one response, then rests open. Bulk up or down. */
  | {
      readonly kind: 'transfer';
      readonly requestBytes: number;
      readonly responseBytes: number;
      /** Reads nothing after its head is sent. */
      readonly stalled?: boolean;
    }
  /** Requests and responses, `inFlight` of them at a time over all streams in turn, until `count` were answered. */
  | {
      readonly kind: 'exchange';
      readonly requestBytes: number;
      readonly responseBytes: number;
      readonly inFlight: number;
      /** null: until stopped. */
      readonly count: number | null;
    }
  /** `streams` at a time: connect, download, close; until `count` were made. */
  | {
      readonly kind: 'churn';
      readonly sizes: Sizes;
      /** null: until stopped. */
      readonly count: number | null;
    };

/** Of responses: all alike, or log-normal (median, sigma of the logarithm) up to a largest. */
export type Sizes =
  | { readonly kind: 'fixed'; readonly bytes: number }
  | {
      readonly kind: 'logNormal';
      readonly medianBytes: number;
      readonly sigma: number;
      readonly maxBytes: number;
    };

export type ClientOrder =
  /** Opens the streams (churn: none yet) and answers `opened`. */
  | {
      readonly do: 'open';
      readonly group: string;
      readonly way: Way;
      readonly streams: number;
      readonly load: Load;
    }
  /** Starts the load; `done` comes when it is carried. */
  | { readonly do: 'go'; readonly group: string }
  /** Answers `so far`. */
  | { readonly do: 'look'; readonly group: string }
  /** Forgets latencies recorded until now; answers `so far`. */
  | { readonly do: 'forget'; readonly group: string }
  /** Ends the load where it stands: `done` comes at once. */
  | { readonly do: 'stop'; readonly group: string }
  /** Closes the group's streams; answers `closed`. */
  | { readonly do: 'close'; readonly group: string };

/** Microseconds. */
export interface Latencies {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Tally {
  /** Payload bytes verified on arrival here. */
  readonly bytesDown: number;
  /** Payload bytes the kernel took from us. */
  readonly bytesUp: number;
  /** Transfers, answers or connections completed. */
  readonly completed: number;
  /** Streams that could not be opened, broke, or carried wrong bytes. */
  readonly failed: number;
  readonly failures: readonly string[];
  /** From `go` to the last byte. */
  readonly elapsedMs: number;
  readonly latencies: Latencies | null;
}

export type ClientNews =
  | {
      readonly news: 'opened' | 'so far' | 'done' | 'closed';
      readonly group: string;
      readonly tally: Tally;
    }
  | { readonly news: 'fault'; readonly text: string };

export type OriginOrder = { readonly do: 'look' };

export type OriginNews =
  | { readonly news: 'listening'; readonly addresses: readonly Address[] }
  | {
      readonly news: 'so far';
      readonly connections: number;
      readonly accepted: number;
      readonly bytesReceived: number;
      readonly bytesSent: number;
      /** Connections that sent something else than was announced. */
      readonly wrong: number;
    }
  | { readonly news: 'fault'; readonly text: string };
