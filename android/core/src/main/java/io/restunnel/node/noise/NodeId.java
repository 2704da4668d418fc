package io.restunnel.node.noise;

/** What hubs call a node: the first 8 bytes of BLAKE2b-256 of its public key, in lower-case hex. */
public final class NodeId {
    private static final int BYTES = 8;

    private NodeId() {
    }

    public static String of(byte[] publicKey) {
        byte[] hash = Blake2b.hash(32, publicKey);
        StringBuilder hex = new StringBuilder();
        for (int i = 0; i < BYTES; i++) hex.append(String.format("%02x", hash[i] & 0xff));
        return hex.toString();
    }
}
