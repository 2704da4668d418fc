package io.restunnel.app;

import io.restunnel.app.node.Node;
import io.restunnel.node.Failure;
import io.restunnel.node.HubStatus;
import io.restunnel.node.NodeOptions;
import io.restunnel.node.PairingLink;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A node without sockets: keeps its hubs in its storage as the real one does, and writes down what it is asked to do. */
public final class FakeNode implements Node {
    public final NodeOptions options;
    public final List<String> calls = new ArrayList<>();
    public final Map<String, HubStatus> hubs = new LinkedHashMap<>();

    public FakeNode(NodeOptions options) throws IOException {
        this.options = options;
        if (options.storage.loadPrivateKey() == null) options.storage.storePrivateKey(new byte[32]);
        String state = options.storage.loadState();
        if (state == null || state.isEmpty()) return;
        for (String line : state.split("\n")) put(line.split(" ")[0], line.split(" ")[1], HubStatus.State.CONNECTED, 0, null);
    }

    /** Tells the app of a hub as the real node does. */
    public void set(String key, HubStatus.State state, long bytes, Failure failure) {
        put(key, hubs.get(key).host, state, bytes, failure);
        options.listener.hubChanged(hubs.get(key));
    }

    private void put(String key, String host, HubStatus.State state, long bytes, Failure failure) {
        boolean up = state == HubStatus.State.CONNECTED;
        hubs.put(key, new HubStatus(key, host, 9000, state, null, up ? 1 : 0, up ? 3 : 0, bytes, 0, up ? "198.51.100.7" : null, failure, 0));
    }

    private void store() throws IOException {
        StringBuilder text = new StringBuilder();
        for (HubStatus hub : hubs.values()) text.append(hub.publicKey).append(' ').append(hub.host).append('\n');
        options.storage.storeState(text.toString());
    }

    @Override
    public String nodeId() {
        return "0123456789abcdef";
    }

    @Override
    public void start() {
        calls.add("start");
    }

    @Override
    public void pair(PairingLink link, String deviceName) throws IOException {
        calls.add("pair " + link.host + " as " + deviceName);
        put(link.hubPublicKeyText(), link.host, HubStatus.State.CONNECTING, 0, null);
        store();
    }

    @Override
    public boolean forget(String hubPublicKey) throws IOException {
        calls.add("forget");
        boolean had = hubs.remove(hubPublicKey) != null;
        store();
        return had;
    }

    @Override
    public void pause(String hubPublicKey) {
        calls.add("pause");
    }

    @Override
    public void resume(String hubPublicKey) {
        calls.add("resume");
    }

    @Override
    public List<HubStatus> hubs() {
        return new ArrayList<>(hubs.values());
    }

    @Override
    public void networkChanged(boolean leaveAll) {
        calls.add("networkChanged " + leaveAll);
    }

    @Override
    public void deviceChanged() {
        calls.add("deviceChanged");
    }

    @Override
    public void stop(long drainMs) {
        calls.add("stop");
    }

    @Override
    public boolean awaitEnd(long timeoutMs) {
        calls.add("awaitEnd");
        return true;
    }
}
