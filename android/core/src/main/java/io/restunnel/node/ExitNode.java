package io.restunnel.node;

import java.io.IOException;
import java.util.Collections;
import java.util.List;

/**
 * An exit node: keeps sessions with its hubs and carries their streams. It never listens. One selector thread moves all bytes; names,
 * storage and device facts are asked by threads beside it. Every method may be called by any thread and returns at once, unless it says
 * otherwise.
 */
public final class ExitNode {
    private final NodeOptions options;

    /**
     * Reads the key and the list of hubs, and makes a key if there is none. Blocks.
     *
     * @throws IOException   if the storage can't be read or written
     * @throws UserException if what it holds is damaged, or an option is wrong
     */
    public ExitNode(NodeOptions options) throws IOException, UserException {
        this.options = options;
    }

    /** base64url of this node's public key. */
    public String publicKey() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** The node's id, as its hubs show it: 16 hex digits. */
    public String nodeId() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Dials every hub that is not paused. Once only. */
    public void start() throws IOException {
        throw new UnsupportedOperationException("not built yet");
    }

    /**
     * Puts a hub on the list and dials it if the node runs. A hub that is known already gets the link's address and token, and keeps its
     * place. Blocks for the storage.
     *
     * @param deviceName what the owner sees on the hub; cut to 64 bytes of UTF-8
     * @throws UserException if the list is full
     */
    public HubStatus pair(PairingLink link, String deviceName) throws IOException, UserException {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Ends a hub's sessions and takes it off the list. False: there is no such hub. Blocks for the storage. */
    public boolean forget(String hubPublicKey) throws IOException {
        return false;
    }

    /** Ends a hub's sessions, after what open streams get to end, until {@link #resume}. Not stored: the app knows what it paused. */
    public void pause(String hubPublicKey) {
    }

    public void resume(String hubPublicKey) {
    }

    public List<HubStatus> hubs() {
        return Collections.emptyList();
    }

    /**
     * Another network is up, or one is gone: sessions over an address that this device has lost are dialled anew at once, pauses end, own
     * addresses and names are asked for again.
     *
     * @param leaveAll also leave sessions that still have their address, because the owner wants another network from now on
     */
    public void networkChanged(boolean leaveAll) {
    }

    /** Battery, charging or network differ: hubs hear it at once. */
    public void deviceChanged() {
    }

    /**
     * Says GOAWAY, gives open streams that long to end, closes everything. The listener hears {@link NodeListener#ended}. A second call
     * with 0 stops at once.
     */
    public void stop(long drainMs) {
    }

    /** Waits for the end. False: the time is over first. */
    public boolean awaitEnd(long timeoutMs) throws InterruptedException {
        return true;
    }
}
