package io.restunnel.node.hubs;

/** What the node stores of one hub. Immutable. */
public final class HubRecord {
    /** base64url of 32 bytes. A hub is known by this. */
    public final String publicKey;
    public final String host;
    public final int port;
    /** What the hub calls this node; null until enrolled. */
    public final String nodeId;
    /** base64url of 32 bytes: the one-time token of a pairing not yet carried out; null: none. */
    public final String token;
    /** What this node calls itself towards the hub. */
    public final String name;
    /** base64url of 12 bytes, of the last first message sent; null: none. */
    public final String lastTimestamp;

    HubRecord(String publicKey, String host, int port, String nodeId, String token, String name, String lastTimestamp) {
        this.publicKey = publicKey;
        this.host = host;
        this.port = port;
        this.nodeId = nodeId;
        this.token = token;
        this.name = name;
        this.lastTimestamp = lastTimestamp;
    }

    HubRecord enrolledAs(String id) {
        return new HubRecord(publicKey, host, port, id, null, name, lastTimestamp);
    }

    HubRecord withTimestamp(String timestamp) {
        return new HubRecord(publicKey, host, port, nodeId, token, name, timestamp);
    }
}
