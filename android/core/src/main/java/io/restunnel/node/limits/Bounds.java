package io.restunnel.node.limits;

/** What this node allows itself and its hubs, where a phone's memory and battery decide. Units are in the names. */
public final class Bounds {
    // --- Of one session, as the page has them ---
    public static final long FIRST_RECORD_MS = 30_000;
    /** Part of a record is a sign of life for this long. */
    public static final long RECORD_MS = 120_000;
    public static final long PING_AFTER_SILENCE_MS = 30_000;
    public static final long DEAD_AFTER_PING_MS = 10_000;
    /** A session ends when the hub takes none of what waits for it for this long. */
    public static final long STALLED_MS = 600_000;
    public static final int PONGS_PENDING_MAX = 16;
    public static final long STATUS_EVERY_MS = 60_000;
    /** How often the round trip is measured while bytes flow. */
    public static final long MEASURE_EVERY_MS = 10_000;

    // --- Rates: a burst, and so many per second ---
    public static final int OPENS_BURST = 32_768;
    public static final int OPENS_PER_SECOND = 10_000;
    public static final int EARLY_ABORTS_BURST = 16_384;
    public static final int EARLY_ABORTS_PER_SECOND = 2_000;
    public static final int PINGS_BURST = 64;
    public static final int PINGS_PER_SECOND = 10;
    public static final int CONTROL_BURST = 32;
    public static final int CONTROL_PER_SECOND = 2;
    public static final int EMPTY_BURST = 1_024;
    public static final int EMPTY_PER_SECOND = 64;
    public static final int DATAGRAMS_BURST = 65_536;
    public static final int DATAGRAMS_PER_SECOND = 100_000;

    // --- Bytes ---
    /** Read from a tunnel at once: several records. */
    public static final int TUNNEL_READ_BYTES = 262_144;
    /** Sealed bytes that wait for a tunnel's socket. Past this, targets are not read. */
    public static final int TUNNEL_QUEUE_BYTES = 131_072;
    /** Sealed for one tunnel before it is the next one's turn. */
    public static final int TUNNEL_TURN_BYTES = 524_288;
    /** Read from one target before it is the next one's turn, alone and beside others. */
    public static final int QUANTUM_BYTES = 65_536;
    public static final int SHARED_QUANTUM_BYTES = 16_384;
    /** What windows may grow beyond their initial size, per session and of all. */
    public static final int WINDOWS_SESSION_BYTES = 16_777_216;
    public static final int WINDOWS_ALL_BYTES = 33_554_432;
    /** What all streams hold for targets that do not take it: an eighth of the heap, within these. */
    public static final long HELD_MIN_BYTES = 16_777_216;
    public static final long HELD_MAX_BYTES = 67_108_864;
    public static final int HELD_HEAP_DIVISOR = 8;
    /** Free send queues that are kept for the next tunnel with something to send. */
    public static final int FREE_QUEUES_MAX = 16;

    // --- Pace ---
    public static final int PACE_BURST_MS = 80;
    public static final int PACE_BURST_MIN_BYTES = 16_384;
    public static final int PACE_QUANTUM_MS = 10;
    public static final int PACE_QUANTUM_MIN_BYTES = 2_048;

    // --- Targets ---
    public static final long CONNECT_TIMEOUT_MS = 15_000;
    public static final long ATTEMPT_DELAY_MS = 250;
    /** Connects under way at once for one dial. The oldest makes room for the next address. */
    public static final int ATTEMPTS_MAX = 16;
    public static final int DIALS_MAX = 65_536;
    /** A target is reset when it takes none of the last bytes of its stream for this long. */
    public static final long LINGER_MS = 30_000;
    /** Of the descriptors for streams, and of the threads for names, 1/n is divided among the hubs. */
    public static final int SHARED_DIVISOR = 4;
    /** Descriptors for everything but streams: 1/n of all, within these. */
    public static final int RESERVE_DIVISOR = 8;
    public static final int RESERVE_MIN = 48;
    public static final int RESERVE_MAX = 512;

    // --- Names ---
    public static final long NAME_TIMEOUT_MS = 10_000;
    /** A question blocks a thread until the system answers. One that takes this long makes room for another. */
    public static final long LOOKUP_SLOW_MS = 1_000;
    public static final int LOOKUP_THREADS_MAX = 64;
    public static final int SLOW_LOOKUP_THREADS_MAX = 192;
    /** For the node's own questions: its hubs' names, the network's prefixes. */
    public static final int OWN_LOOKUP_THREADS_MAX = 4;
    public static final int OWN_SLOW_LOOKUP_THREADS_MAX = 16;
    public static final int LOOKUPS_MAX = 4_096;
    public static final int LOOKUPS_PER_HUB_MAX = 512;
    public static final int NAMES_CACHED_MAX = 2_048;
    /** The system tells no time to live. */
    public static final long NAME_TTL_MS = 30_000;
    public static final long MISSING_NAME_TTL_MS = 2_000;
    public static final int ADDRESSES_PER_NAME_MAX = 64;
    /** How often the network's NAT64 prefixes are asked for, and while nobody answers. */
    public static final long NAT64_EVERY_MS = 600_000;
    public static final long NAT64_RETRY_MS = 60_000;

    // --- Datagrams ---
    public static final int ASSOCIATIONS_PER_SESSION_MAX = 1_024;
    /** Unsent DATAGRAM frames of a session, beside what its streams may queue. */
    public static final int DATAGRAM_SHARE_BYTES = 65_536;
    public static final int DATAGRAMS_PER_TURN = 32;
    public static final int DATAGRAM_TURN_BYTES = 65_536;
    public static final long ASSOCIATION_IDLE_MS = 360_000;
    public static final long ASSOCIATION_SWEEP_MS = 5_000;
    /** Addresses that an association sent to, which alone may answer: so many in any case, so many while there is room, that room. */
    public static final int PEERS_OWN_MAX = 256;
    public static final int PEERS_MAX = 4_096;
    public static final int PEERS_ROOM = 65_536;
    /** Datagrams of one association that wait for a name. */
    public static final int DATAGRAMS_HELD_MAX = 4;
    public static final int DATAGRAMS_HELD_BYTES = 1_048_576;

    // --- Hubs ---
    public static final int HUBS_MAX = 64;
    public static final int LANES_MAX = 16;
    /** With lanes by themselves: a second one from this round trip, and how often that is looked at. */
    public static final double AUTO_LANE_ROUND_TRIP_MS = 10;
    public static final long AUTO_LANE_EVERY_MS = 5_000;
    public static final long BACKOFF_MIN_MS = 500;
    public static final long BACKOFF_MAX_MS = 60_000;
    /** A session that lived this long makes the pauses start over. */
    public static final long BACKOFF_RESET_MS = 1_000;
    /** How long a hub may send this device away, because another one has its key. */
    public static final long SENT_AWAY_MAX_MS = 3_600_000;
    public static final long HANDSHAKE_TIMEOUT_MS = 15_000;
    public static final int HANDSHAKE_PADDING_MAX_BYTES = 256;
    /** How often the device's addresses are looked at. */
    public static final long ADDRESSES_EVERY_MS = 5_000;
    /** What a node's streams get to end once it is asked to stop. */
    public static final long DRAIN_MS = 8_000;

    private Bounds() {
    }
}
