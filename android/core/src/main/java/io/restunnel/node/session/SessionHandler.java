package io.restunnel.node.session;

/** What a session asks of its node. */
public interface SessionHandler {
    /** The hub opens a stream: answer with {@link Session#accept} or {@link Session#refuse}, now or later. Sets stream.local. */
    void connect(TunnelStream stream, String host, int port);

    /** The hub opens an association. As connect(). */
    void udpOpen(TunnelStream stream);

    /** The hub orders a new public address. */
    void rotate(long request);

    /** Another device with this node's key is connected: the session must end now, and no other begin for so long. */
    void sharedKey(long waitMs);
}
