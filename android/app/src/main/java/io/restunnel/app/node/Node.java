package io.restunnel.app.node;

import io.restunnel.node.ExitNode;
import io.restunnel.node.HubStatus;
import io.restunnel.node.NodeOptions;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import java.io.IOException;
import java.util.List;

/** What the app asks of an {@link ExitNode}, whose documentation says what each call does. Tests put another one in its place. */
public interface Node {
    interface Maker {
        Node make(NodeOptions options) throws IOException, UserException;
    }

    String nodeId();

    void start();

    void pair(PairingLink link, String deviceName) throws IOException, UserException;

    boolean forget(String hubPublicKey) throws IOException;

    void pause(String hubPublicKey);

    void resume(String hubPublicKey);

    List<HubStatus> hubs();

    void networkChanged(boolean leaveAll);

    void deviceChanged();

    void stop(long drainMs);

    boolean awaitEnd(long timeoutMs) throws InterruptedException;
}
