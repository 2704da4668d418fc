package io.restunnel.node.hubs;

import io.restunnel.node.Failure;
import io.restunnel.node.HubStatus;
import io.restunnel.node.exit.Tunnel;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.policy.IpAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** One hub of a running node: its lanes, and how they are doing. Of the loop's thread. */
public final class Hub {
    public final String publicKey;
    final Turns turns = new Turns();
    /** What its name resolved to last. */
    List<IpAddress> addresses = Collections.emptyList();
    private final HubParts parts;
    private final List<HubLane> lanes = new ArrayList<>();
    private boolean isPaused;
    private Failure lastFailure;

    public Hub(String publicKey, HubParts parts, int laneCount) {
        this.publicKey = publicKey;
        this.parts = parts;
        for (int i = 0; i < laneCount; i++) lanes.add(new HubLane(this, parts, i));
    }

    public void start() {
        isPaused = false;
        for (HubLane lane : lanes) lane.start();
    }

    /** On a long path a lost packet stalls a session for a whole round trip: with a second lane only half of the streams wait. */
    public void addLaneIfFar() {
        if (isPaused || lanes.size() > 1 || !lanes.get(0).isUp()) return;
        if (lanes.get(0).tunnel().session().roundTripMs() < Bounds.AUTO_LANE_ROUND_TRIP_MS) return;
        HubLane second = new HubLane(this, parts, 1);
        lanes.add(second);
        second.start();
    }

    /** No lane dials any more. Open sessions hear GOAWAY, and live on until close(). */
    public void stop() {
        isPaused = true;
        for (HubLane lane : lanes) {
            lane.stop();
            Tunnel tunnel = lane.tunnel();
            if (tunnel == null) continue;
            tunnel.session().sendGoAway();
            tunnel.touch();
        }
        changed();
    }

    public void close(Failure.Code why) {
        for (HubLane lane : lanes) if (lane.tunnel() != null) lane.tunnel().close(new Failure(why));
    }

    public boolean isPaused() {
        return isPaused;
    }

    public void redial(Failure.Code why) {
        for (HubLane lane : lanes) lane.redial(new Failure(why));
    }

    /** No lane is open, or dials, for so long. */
    public void backOff(long waitMs, Failure.Code why) {
        for (HubLane lane : lanes) lane.backOff(waitMs, new Failure(why));
    }

    /** Lanes whose end of the connection is an address that this device has no more. */
    public void redialWithout(List<IpAddress> own, Failure.Code why) {
        for (HubLane lane : lanes) {
            if (lane.localAddress() != null && !own.contains(IpAddress.of(lane.localAddress()))) lane.redial(new Failure(why));
        }
    }

    /** Lanes that wait dial at once. */
    public void redialWaiting() {
        for (HubLane lane : lanes) if (lane.isWaiting()) lane.redial(new Failure(Failure.Code.NETWORK_CHANGED));
    }

    public void sendStatus(byte[] json) {
        for (HubLane lane : lanes) {
            if (!lane.isUp()) continue;
            lane.tunnel().session().sendStatus(json);
            lane.tunnel().touch();
        }
    }

    public List<IpAddress> addresses() {
        return addresses;
    }

    public List<IpAddress> localAddresses() {
        List<IpAddress> local = new ArrayList<>();
        for (HubLane lane : lanes) if (lane.localAddress() != null) local.add(IpAddress.of(lane.localAddress()));
        return local;
    }

    /** Where the hub sees this device come from, by any lane. */
    public List<IpAddress> observed() {
        List<IpAddress> observed = new ArrayList<>();
        for (HubLane lane : lanes) if (lane.observed() != null) observed.add(lane.observed());
        return observed;
    }

    void connected() {
        lastFailure = null;
        parts.log.info(name(), "connected to the hub");
        changed();
    }

    void failed(Failure why, long retryInMs) {
        if (!why.equals(lastFailure)) parts.log.lost(name(), why.sentence(), retryInMs);
        lastFailure = why;
        changed();
    }

    /** HOST:PORT, for the log. */
    private String name() {
        HubRecord record = parts.book.get(publicKey);
        if (record == null) return "";
        return (record.host.indexOf(':') == -1 ? record.host : "[" + record.host + "]") + ":" + record.port;
    }

    void changed() {
        parts.onChange.accept(this);
    }

    public HubStatus status() {
        HubRecord record = parts.book.get(publicKey);
        int up = 0;
        boolean isWaiting = true;
        boolean lacksNetwork = true;
        long nextDialMs = Long.MAX_VALUE;
        IpAddress observed = null;
        for (HubLane lane : lanes) {
            if (lane.isUp()) up++;
            if (lane.isUp() && observed == null) observed = lane.observed();
            isWaiting &= lane.isWaiting();
            lacksNetwork &= lane.lacksNetwork();
            if (lane.isWaiting()) nextDialMs = Math.min(nextDialMs, lane.nextDialMs());
        }
        HubStatus.State state = up > 0 ? HubStatus.State.CONNECTED
                : isPaused ? HubStatus.State.PAUSED
                : isWaiting && lacksNetwork ? HubStatus.State.NO_NETWORK
                : isWaiting ? HubStatus.State.WAITING
                : HubStatus.State.CONNECTING;
        return new HubStatus(publicKey, record == null ? "" : record.host, record == null ? 0 : record.port, state,
                record == null ? null : record.nodeId, up, parts.exit.streamsOf(publicKey), parts.exit.sentBytes(publicKey),
                parts.exit.receivedBytes(publicKey), observed == null ? null : observed.toString(), lastFailure,
                state == HubStatus.State.WAITING ? nextDialMs : 0);
    }
}
