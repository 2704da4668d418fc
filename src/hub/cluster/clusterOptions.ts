// How a hub, or its owner's command, reaches a cluster. Pure.

export interface ClusterOptions {
  /** "nats://host:port" or "tls://host:port" each. */
  readonly servers: readonly string[];
  readonly name: string;
  /** A file with what the servers ask for: a .creds file, an nkey's seed, or USER:PASSWORD. */
  readonly credentials: string | null;
  /** A file with the certificates that sign the servers'; null: those of the system. */
  readonly ca: string | null;
  /** A file with this client's certificate and its key, both PEM. */
  readonly certificate: string | null;
}

/** Of a hub. */
export interface MemberOptions extends ClusterOptions {
  /** How old the copy may be by which devices are let in; null: it does not matter. */
  readonly staleMs: number | null;
}
