package io.restunnel.node;

/** How one hub of the node is doing: a copy that never changes. */
public final class HubStatus {
    public enum State {
        /** The owner paused it. */
        PAUSED,
        /** No network that the owner allows: waits for {@link ExitNode#networkChanged()}. */
        NO_NETWORK,
        /** Waits before the next dial. */
        WAITING,
        /** Dials, or shakes hands. */
        CONNECTING,
        /** At least one session is up. */
        CONNECTED,
    }

    /** base64url, without padding, of the 32 bytes. What all calls know a hub by. */
    public final String publicKey;
    public final String host;
    public final int port;
    public final State state;
    /** What the hub calls this node; null until it has enrolled. */
    public final String nodeId;
    /** Sessions that are up. */
    public final int lanes;
    /** Open streams and UDP associations. */
    public final int streams;
    /** Of streams and associations, since the node was made. */
    public final long sentBytes;
    public final long receivedBytes;
    /** This device's address as the hub sees it; null while not connected. */
    public final String observedAddress;
    /** Why the last dial or session ended; null if none has. */
    public final Failure lastFailure;
    /** Clock.elapsedMs() of the next dial; 0 unless WAITING. */
    public final long nextDialElapsedMs;

    public HubStatus(String publicKey, String host, int port, State state, String nodeId, int lanes, int streams, long sentBytes,
            long receivedBytes, String observedAddress, Failure lastFailure, long nextDialElapsedMs) {
        this.publicKey = publicKey;
        this.host = host;
        this.port = port;
        this.state = state;
        this.nodeId = nodeId;
        this.lanes = lanes;
        this.streams = streams;
        this.sentBytes = sentBytes;
        this.receivedBytes = receivedBytes;
        this.observedAddress = observedAddress;
        this.lastFailure = lastFailure;
        this.nextDialElapsedMs = nextDialElapsedMs;
    }
}
