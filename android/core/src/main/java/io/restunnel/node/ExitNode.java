package io.restunnel.node;

import io.restunnel.node.hubs.HubBook;
import io.restunnel.node.hubs.HubRecord;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.noise.KeyPair;
import io.restunnel.node.noise.NodeId;
import io.restunnel.node.policy.AllowRule;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * An exit node: keeps sessions with its hubs and carries their streams. It never listens. One selector thread moves all bytes; names,
 * storage and device facts are asked by threads beside it. Every method may be called by any thread and returns at once, unless it says
 * otherwise.
 */
public final class ExitNode {
    private final KeyPair keyPair;
    private final HubBook book;
    private final RunningNode running;
    private boolean isStarted;
    private boolean isStopped;

    /**
     * Reads the key and the list of hubs, and makes a key if there is none. Blocks.
     *
     * @throws IOException   if the storage can't be read or written
     * @throws UserException if what it holds is damaged, or an option is wrong
     */
    public ExitNode(NodeOptions options) throws IOException, UserException {
        if (options.lanes < NodeOptions.LANES_AUTO || options.lanes > Bounds.LANES_MAX) {
            throw new UserException(Failure.Code.WRONG_OPTION, "a node has 1 to " + Bounds.LANES_MAX + " lanes");
        }
        List<AllowRule> allow = new ArrayList<>();
        for (String rule : options.allowTargets) allow.add(AllowRule.parse(rule));
        SecureRandom random = new SecureRandom();
        keyPair = loadOrCreateKey(options.storage, random);
        book = new HubBook(options.storage, options.log);
        running = new RunningNode(options, keyPair, book, allow, random);
    }

    private static KeyPair loadOrCreateKey(NodeStorage storage, SecureRandom random) throws IOException, UserException {
        byte[] stored = storage.loadPrivateKey();
        if (stored == null) {
            KeyPair made = KeyPair.random(random);
            storage.storePrivateKey(made.privateKey());
            return made;
        }
        if (stored.length != KeyPair.KEY_BYTES) throw new UserException(Failure.Code.KEY_DAMAGED, stored.length);
        return new KeyPair(stored);
    }

    /** base64url of this node's public key. */
    public String publicKey() {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(keyPair.publicKey());
    }

    /** The node's id, as its hubs show it: 16 hex digits. */
    public String nodeId() {
        return NodeId.of(keyPair.publicKey());
    }

    /** Dials every hub. Once only. */
    public synchronized void start() {
        if (isStarted || isStopped) throw new IllegalStateException("a node starts once");
        isStarted = true;
        running.start();
    }

    /**
     * Puts a hub on the list and dials it if the node runs. A hub that is known already gets the link's address and token, and keeps its
     * place. Blocks for the storage.
     *
     * @param deviceName what the owner sees on the hub; cut to 64 bytes of UTF-8
     * @throws UserException if the list is full
     */
    public synchronized void pair(PairingLink link, String deviceName) throws IOException, UserException {
        HubRecord hub = book.pair(link, deviceName);
        if (isStarted) running.execute(() -> running.paired(hub.publicKey));
    }

    /** Ends a hub's sessions and takes it off the list. False: there is no such hub. Blocks for the storage. */
    public boolean forget(String hubPublicKey) throws IOException {
        boolean wasThere = book.forget(hubPublicKey);
        running.execute(() -> running.forget(hubPublicKey));
        return wasThere;
    }

    /**
     * Takes no new streams of a hub and ends its sessions after what open streams get to end, until {@link #resume}. Not stored: the app
     * knows what it paused. Before {@link #start} it keeps the hub from being dialled.
     */
    public void pause(String hubPublicKey) {
        running.execute(() -> running.pause(hubPublicKey));
    }

    public void resume(String hubPublicKey) {
        running.execute(() -> running.resume(hubPublicKey));
    }

    /** In the order of pairing. May wait a few milliseconds for the selector thread. */
    public List<HubStatus> hubs() {
        return running.hubs();
    }

    /**
     * Another network is up, or one is gone: sessions over an address that this device has lost are dialled anew at once, pauses end, own
     * addresses and names are asked for again.
     *
     * @param leaveAll also leave sessions that still have their address, because the owner wants another network from now on
     */
    public void networkChanged(boolean leaveAll) {
        running.execute(() -> running.networkChanged(leaveAll));
    }

    /** Battery, charging or network differ: hubs hear it at once. */
    public void deviceChanged() {
        running.execute(running::sendStatus);
    }

    /**
     * Says GOAWAY, gives open streams that long to end, closes everything. The listener hears {@link NodeListener#ended}. A second call
     * stops at once.
     */
    public synchronized void stop(long drainMs) {
        if (isStarted) {
            running.execute(() -> running.stop(drainMs));
        } else if (!isStopped) {
            running.endUnstarted();
        }
        isStopped = true;
    }

    /** Waits for the end. False: the time is over first. */
    public boolean awaitEnd(long timeoutMs) throws InterruptedException {
        return running.awaitEnd(timeoutMs);
    }
}
