package io.restunnel.app.node;

import io.restunnel.node.ExitNode;
import io.restunnel.node.HubStatus;
import io.restunnel.node.NodeOptions;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import java.io.IOException;
import java.util.List;

/** The core's node, as it is. */
public final class CoreNode implements Node {
    private final ExitNode node;

    public CoreNode(NodeOptions options) throws IOException, UserException {
        node = new ExitNode(options);
    }

    @Override
    public String nodeId() {
        return node.nodeId();
    }

    @Override
    public void start() {
        node.start();
    }

    @Override
    public void pair(PairingLink link, String deviceName) throws IOException, UserException {
        node.pair(link, deviceName);
    }

    @Override
    public boolean forget(String hubPublicKey) throws IOException {
        return node.forget(hubPublicKey);
    }

    @Override
    public void pause(String hubPublicKey) {
        node.pause(hubPublicKey);
    }

    @Override
    public void resume(String hubPublicKey) {
        node.resume(hubPublicKey);
    }

    @Override
    public List<HubStatus> hubs() {
        return node.hubs();
    }

    @Override
    public void networkChanged(boolean leaveAll) {
        node.networkChanged(leaveAll);
    }

    @Override
    public void deviceChanged() {
        node.deviceChanged();
    }

    @Override
    public void stop(long drainMs) {
        node.stop(drainMs);
    }

    @Override
    public boolean awaitEnd(long timeoutMs) throws InterruptedException {
        return node.awaitEnd(timeoutMs);
    }
}
