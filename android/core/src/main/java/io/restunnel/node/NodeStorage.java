package io.restunnel.node;

import java.io.IOException;

/**
 * Keeps what the node must not lose. What is stored must be on the medium when the call returns, or be absent entirely: write a new file,
 * fsync, rename. Called by the thread that makes the node, and later by one thread of the node's own, so a call may block.
 */
public interface NodeStorage {
    /**
     * The X25519 private key, 32 bytes, or null if there is none yet. The node wipes the array when it stops.
     *
     * @throws IOException if there is one that can't be read now. The node does not start then: a new key would mean pairing again.
     */
    byte[] loadPrivateKey() throws IOException;

    /** Stores the first key. The array is the node's own: copy it. */
    void storePrivateKey(byte[] key) throws IOException;

    /** The text of the last {@link #storeState}, or null if there is none. */
    String loadState() throws IOException;

    /**
     * Stores the list of hubs: addresses, public keys, one-time tokens not yet used, and the timestamp of the last first message, which must
     * be stored before that message leaves. JSON of at most a few kilobytes. A token in it is a secret.
     */
    void storeState(String state) throws IOException;
}
