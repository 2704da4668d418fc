package io.restunnel.app.node;

import android.os.Handler;
import io.restunnel.app.keys.KeyLostException;
import io.restunnel.app.keys.KeystoreException;
import io.restunnel.app.keys.PhoneStorage;
import io.restunnel.node.NodeOptions;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * Makes the node and ends it. All that blocks runs on the worker, one task after the other, so there are never two nodes with the same
 * key at once; everything else belongs to the main thread.
 */
final class NodeHandle {
    enum Trouble {
        NONE,
        /** The Keystore fails. It may work later. */
        KEYSTORE,
        /** The key is lost for good: the owner has to start over. */
        KEY_LOST,
        /** Storage, or the node itself. */
        OTHER,
    }

    interface Owner {
        /** Key and hubs have been read. The node is not started. */
        void opened();

        /** {@link #trouble} says what happened. There is no node now. */
        void failed();
    }

    static final long DRAIN_MS = 3_000;

    private final NodeOptions options;
    private final PhoneStorage storage;
    private final Node.Maker maker;
    private final Executor worker;
    private final Handler main;
    private final Owner owner;

    /** The worker's. */
    private Node made;

    private Node node;
    private boolean opening;
    private Trouble trouble = Trouble.NONE;
    private Exception cause;

    NodeHandle(NodeOptions options, PhoneStorage storage, Node.Maker maker, Executor worker, Handler main, Owner owner) {
        this.options = options;
        this.storage = storage;
        this.maker = maker;
        this.worker = worker;
        this.main = main;
        this.owner = owner;
    }

    /** Null while there is none. */
    Node node() {
        return node;
    }

    Trouble trouble() {
        return trouble;
    }

    /** Null without trouble. */
    Exception cause() {
        return cause;
    }

    /** Reads key and hubs. Makes a key where there is none. */
    void open() {
        if (node != null || opening) return;
        opening = true;
        attempt(this::make, failure -> {
            opening = false;
            if (failure != null) failed(failure);
        });
    }

    /** @param done null, or why it failed */
    void pair(PairingLink link, String deviceName, Consumer<Exception> done) {
        attempt(() -> {
            make();
            made.pair(link, deviceName);
        }, failure -> {
            if (failure instanceof KeystoreException || failure instanceof KeyLostException) failed(failure);
            done.accept(failure);
        });
    }

    /** @param done null, or why it failed */
    void forget(String hubPublicKey, Consumer<Exception> done) {
        attempt(() -> {
            make();
            made.forget(hubPublicKey);
        }, done);
    }

    /** Ends the node, after what open streams get to end. */
    void close() {
        node = null;
        worker.execute(this::end);
    }

    /** Deletes key and hubs, then makes a new key. */
    void startOver() {
        node = null;
        attempt(() -> {
            end();
            storage.startOver();
            make();
        }, failure -> {
            if (failure != null) failed(failure);
        });
    }

    /** The node has ended by itself. */
    void ended(Throwable why) {
        close();
        failed(why instanceof Exception ? (Exception) why : new IOException(why));
    }

    void failed(Exception why) {
        trouble = why instanceof KeyLostException ? Trouble.KEY_LOST
                : why instanceof KeystoreException ? Trouble.KEYSTORE : Trouble.OTHER;
        cause = why;
        owner.failed();
    }

    private interface Task {
        void run() throws IOException, UserException;
    }

    private void attempt(Task task, Consumer<Exception> then) {
        worker.execute(() -> {
            Exception failure = null;
            try {
                task.run();
            } catch (IOException | UserException | RuntimeException cause) {
                failure = cause;
            }
            Exception why = failure;
            main.post(() -> then.accept(why));
        });
    }

    /** On the worker. */
    private void make() throws IOException, UserException {
        if (made != null) return;
        Node fresh = maker.make(options);
        made = fresh;
        main.post(() -> {
            node = fresh;
            trouble = Trouble.NONE;
            cause = null;
            owner.opened();
        });
    }

    /** On the worker. */
    private void end() {
        Node ending = made;
        made = null;
        if (ending == null) return;
        ending.stop(DRAIN_MS);
        try {
            ending.awaitEnd(2 * DRAIN_MS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
