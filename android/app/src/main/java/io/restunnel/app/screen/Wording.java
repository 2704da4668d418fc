package io.restunnel.app.screen;

import android.content.Context;
import android.text.format.Formatter;
import io.restunnel.app.R;
import io.restunnel.app.node.NodeHost;
import io.restunnel.node.HubStatus;
import java.util.List;

/** Says in the owner's language how the node is doing. */
public final class Wording {
    private final Context context;

    public Wording(Context context) {
        this.context = context;
    }

    /** The whole node in a few words. */
    public String state(NodeHost host) {
        if (host.isKeyLost()) return context.getString(R.string.state_key_lost);
        if (host.isKeystoreFailing()) return context.getString(R.string.state_keystore);
        if (host.trouble() != null) return context.getString(R.string.state_trouble);
        if (!host.isOpen()) return context.getString(R.string.state_starting);
        List<HubStatus> hubs = host.hubs();
        if (hubs.isEmpty()) return context.getString(R.string.state_no_hub);
        if (!host.isRunning()) return context.getString(R.string.state_starting);
        switch (host.hold()) {
            case PAUSED:
                return context.getString(R.string.state_paused);
            case NOT_CHARGING:
                return context.getString(R.string.state_not_charging);
            case MOBILE_DATA_SPENT:
                return context.getString(R.string.state_mobile_data_spent);
            case NETWORK_NOT_ALLOWED:
                return context.getString(R.string.state_network_not_allowed);
            case NO_NETWORK:
                return context.getString(R.string.state_no_network);
            default:
                return connected(hubs);
        }
    }

    private String connected(List<HubStatus> hubs) {
        int connected = 0;
        for (HubStatus hub : hubs) if (hub.state == HubStatus.State.CONNECTED) connected++;
        if (connected == 0) return context.getString(R.string.state_connecting);
        if (hubs.size() == 1) return context.getString(R.string.state_connected);
        return context.getString(R.string.state_connected_to, connected, hubs.size());
    }

    public String today(NodeHost host) {
        return context.getString(R.string.bytes_today, bytes(host.traffic().bytesToday()));
    }

    public String hubState(HubStatus hub) {
        switch (hub.state) {
            case CONNECTED:
                return context.getString(R.string.hub_connected);
            case PAUSED:
                return context.getString(R.string.hub_paused);
            case NO_NETWORK:
                return context.getString(R.string.hub_no_network);
            case CONNECTING:
                return context.getString(R.string.hub_connecting);
            default:
                return context.getString(R.string.hub_waiting);
        }
    }

    public String streams(int count) {
        return context.getResources().getQuantityString(R.plurals.streams, count, count);
    }

    public String bytes(long bytes) {
        return Formatter.formatShortFileSize(context, bytes);
    }

    /** HOST:PORT, an IPv6 address in brackets. */
    public static String address(String host, int port) {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
