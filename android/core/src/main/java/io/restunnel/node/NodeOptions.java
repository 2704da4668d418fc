package io.restunnel.node;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What an {@link ExitNode} is made of. */
public final class NodeOptions {
    public static final long IDLE_AFTER_MS = 3_000;
    /** One lane, and a second to hubs that are far away. */
    public static final int LANES_AUTO = 0;

    public final NodeStorage storage;
    public final Sockets sockets;
    public final DeviceFacts device;
    public Clock clock = Clock.SYSTEM;
    public Log log = Log.NONE;
    public NodeListener listener = NodeListener.NONE;
    /**
     * Sessions to each hub at once: 1 to 16, or {@link #LANES_AUTO}. A second one pays on long paths that lose packets, and costs a
     * connection that is kept alive.
     */
    public int lanes = 1;
    /** How many files this process may have open: Os.sysconf(_SC_OPEN_MAX). Streams keep to it, so that hubs and files find theirs. */
    public int descriptors = 1_024;
    /** CIDR[:PORTS], the owner's exceptions to the refusal of private and reserved targets. */
    public List<String> allowTargets = Collections.emptyList();

    public NodeOptions(NodeStorage storage, Sockets sockets, DeviceFacts device) {
        this.storage = storage;
        this.sockets = sockets;
        this.device = device;
    }

    public NodeOptions clock(Clock value) {
        clock = value;
        return this;
    }

    public NodeOptions log(Log value) {
        log = value;
        return this;
    }

    public NodeOptions listener(NodeListener value) {
        listener = value;
        return this;
    }

    public NodeOptions lanes(int value) {
        lanes = value;
        return this;
    }

    public NodeOptions descriptors(int value) {
        descriptors = value;
        return this;
    }

    public NodeOptions allowTargets(List<String> rules) {
        allowTargets = new ArrayList<>(rules);
        return this;
    }
}
