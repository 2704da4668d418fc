package io.restunnel.node.exit;

import io.restunnel.node.Sockets;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.limits.Protocol;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Views;
import io.restunnel.node.names.Names;
import io.restunnel.node.policy.TargetPolicy;
import io.restunnel.node.session.RecordBuilder;
import io.restunnel.node.session.SessionTerms;
import io.restunnel.node.session.TunnelStream;
import io.restunnel.node.session.WindowBudget;
import io.restunnel.node.wire.InboundRecords;
import io.restunnel.node.wire.Reason;
import io.restunnel.node.wire.SendQueue;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Everything that the tunnels of a node share: policy, names, budgets, and the memory that bytes pass through. Of the loop's thread. */
public final class Exit {
    final Loop loop;
    final Sockets sockets;
    final TargetPolicy policy;
    final Names names;
    final Load load;
    final Orders orders;
    final Set<Tunnel> tunnels = new LinkedHashSet<>();
    final WindowBudget windows = new WindowBudget(Bounds.WINDOWS_ALL_BYTES, null);
    final SendQueue.Pool queues = new SendQueue.Pool();
    final RecordBuilder record = new RecordBuilder();
    final Peers.Room peerRoom = new Peers.Room();
    final Views views = new Views();
    final ByteBuffer tunnelBytes = ByteBuffer.allocateDirect(Bounds.TUNNEL_READ_BYTES);
    final InboundRecords.Memory inbound = new InboundRecords.Memory();
    final ByteBuffer datagramBytes = ByteBuffer.allocateDirect(Protocol.RECORD_MAX_BYTES);
    int datagramsHeldBytes;
    final Runnable onBytesMoved;

    /** What a hub orders of the whole node. */
    public interface Orders {
        /** A new address for this device. */
        void rotate(String hub, long request);

        /** Another device has this node's key: no session with this hub for so long. */
        void sharedKey(String hub, long waitMs);
    }

    public Exit(Loop loop, Sockets sockets, TargetPolicy policy, Names names, int descriptors, Orders orders, Runnable onBytesMoved) {
        this.loop = loop;
        this.sockets = sockets;
        this.policy = policy;
        this.names = names;
        this.load = new Load(descriptors, Runtime.getRuntime().maxMemory());
        this.orders = orders;
        this.onBytesMoved = onBytesMoved;
    }

    /** The handshake is done: the connection becomes a tunnel. Keys are copied. */
    public Tunnel open(String hub, SocketChannel channel, SelectionKey key, byte[] sendKey, byte[] receiveKey, SessionTerms terms,
            Tunnel.Owner owner) {
        Tunnel tunnel = new Tunnel(this, hub, channel, key, sendKey, receiveKey, terms, owner);
        tunnels.add(tunnel);
        return tunnel;
    }

    /** Bytes of this stream are needed elsewhere. */
    void giveUp(Tunnel tunnel, TunnelStream stream) {
        if (stream.isOpening()) {
            tunnel.session().refuse(stream, Reason.BUSY);
            stream.local.aborted();
        } else {
            tunnel.session().abort(stream);
        }
        tunnel.touch();
    }

    /** Open streams and associations, and sockets whose last bytes are on their way. */
    public int streams() {
        return load.streams();
    }

    /** Nothing of a hub's is under way any more, and it has heard all that it was to hear. */
    public boolean isDrained(String hub) {
        if (load.of(hub).streams > 0) return false;
        boolean isDelivered = true;
        for (Tunnel tunnel : tunnels) if (tunnel.hub.equals(hub)) isDelivered &= tunnel.isDelivered();
        return isDelivered;
    }

    public int streamsOf(String hub) {
        return load.of(hub).streams;
    }

    /** Of streams, by all sessions with that hub, those that are over included. */
    public long sentBytes(String hub) {
        long bytes = load.of(hub).sentBefore;
        for (Tunnel tunnel : tunnels) if (tunnel.hub.equals(hub)) bytes += tunnel.session().sentBytes();
        return bytes;
    }

    public long receivedBytes(String hub) {
        long bytes = load.of(hub).receivedBefore;
        for (Tunnel tunnel : tunnels) if (tunnel.hub.equals(hub)) bytes += tunnel.session().receivedBytes();
        return bytes;
    }

    public void forget(String hub) {
        load.forget(hub);
        policy.forgetHub(hub);
    }

    public List<Tunnel> tunnels() {
        return new ArrayList<>(tunnels);
    }
}
