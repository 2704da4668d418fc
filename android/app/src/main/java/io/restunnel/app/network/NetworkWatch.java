package io.restunnel.app.network;

import android.net.ConnectivityManager;
import android.net.ConnectivityManager.NetworkCallback;
import android.net.LinkProperties;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.net.NetworkRequest;
import android.os.Handler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Follows the phone's networks and holds the one that the node uses. Main thread, unless a method says otherwise. While the owner wants mobile
 * data alone, it asks the system to keep that up beside Wi-Fi.
 */
public final class NetworkWatch {
    public interface Listener {
        /** Another network is the chosen one, or none is. */
        void networkChosen();

        /** The chosen network has other addresses, or another kind. */
        void networkDiffers();
    }

    private final ConnectivityManager system;
    private final Handler main;
    private final Map<Network, NetworkFacts> up = new LinkedHashMap<>();
    private final List<NetworkCallback> registered = new ArrayList<>();
    private Listener listener;
    private Network own;
    private NetworkFacts ownFacts;
    private NetworkCallback mobileRequest;
    private NetworkUse use = NetworkUse.BOTH;
    private boolean mobileSpent;
    /** Read by the node's threads, as is chosen. */
    private volatile NetworkChoice choice;
    private volatile Network chosen;

    public NetworkWatch(ConnectivityManager system, Handler main) {
        this.system = system;
        this.main = main;
        decide();
    }

    /** Null while no allowed network is up. Any thread. */
    public Network chosen() {
        return chosen;
    }

    /** Any thread. */
    public NetworkChoice choice() {
        return choice;
    }

    public void start(Listener hearing) {
        listener = hearing;
        register(callback -> system.registerDefaultNetworkCallback(callback, main), new OwnNetwork());
        NetworkRequest internet = new NetworkRequest.Builder().addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET).build();
        register(callback -> system.registerNetworkCallback(internet, callback, main), new AnyNetwork());
        askForMobile();
    }

    public void stop() {
        listener = null;
        for (NetworkCallback callback : registered) system.unregisterNetworkCallback(callback);
        registered.clear();
        mobileRequest = null;
        own = null;
        ownFacts = null;
        up.clear();
        decide();
    }

    public void allow(NetworkUse wanted, boolean mobileDataSpent) {
        use = wanted;
        mobileSpent = mobileDataSpent;
        askForMobile();
        decide();
    }

    /** Without a request the system turns mobile data off while Wi-Fi is up. */
    private void askForMobile() {
        boolean wanted = listener != null && use == NetworkUse.MOBILE && !mobileSpent;
        if (wanted == (mobileRequest != null)) return;
        if (wanted) {
            NetworkRequest mobile = new NetworkRequest.Builder()
                    .addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
                    .addTransportType(NetworkCapabilities.TRANSPORT_CELLULAR)
                    .build();
            mobileRequest = new AnyNetwork();
            register(callback -> system.requestNetwork(mobile, callback, main), mobileRequest);
        } else {
            system.unregisterNetworkCallback(mobileRequest);
            registered.remove(mobileRequest);
            mobileRequest = null;
        }
    }

    private interface Registration {
        void register(NetworkCallback callback);
    }

    private void register(Registration registration, NetworkCallback callback) {
        registration.register(callback);
        registered.add(callback);
    }

    private void decide() {
        Network before = chosen;
        choice = NetworkChoice.of(ownFacts, up.values(), use, mobileSpent);
        chosen = choice.network == null ? null : networkOf(choice.network);
        boolean same = before == null ? chosen == null : before.equals(chosen);
        if (!same && listener != null) listener.networkChosen();
    }

    private Network networkOf(NetworkFacts facts) {
        if (facts == ownFacts) return own;
        for (Map.Entry<Network, NetworkFacts> entry : up.entrySet()) if (entry.getValue() == facts) return entry.getKey();
        return null;
    }

    private void differs(Network network) {
        if (network.equals(chosen) && listener != null) listener.networkDiffers();
    }

    private static NetworkFacts factsOf(Network network, NetworkCapabilities has) {
        return new NetworkFacts(network.getNetworkHandle(), has.hasTransport(NetworkCapabilities.TRANSPORT_WIFI),
                has.hasTransport(NetworkCapabilities.TRANSPORT_CELLULAR), has.hasTransport(NetworkCapabilities.TRANSPORT_ETHERNET));
    }

    /** The network that the phone uses itself. */
    private final class OwnNetwork extends NetworkCallback {
        @Override
        public void onCapabilitiesChanged(Network network, NetworkCapabilities has) {
            NetworkFacts facts = factsOf(network, has);
            boolean otherKind = network.equals(own) && !String.valueOf(facts.kind()).equals(String.valueOf(ownFacts.kind()));
            own = network;
            ownFacts = facts;
            decide();
            if (otherKind) differs(network);
        }

        @Override
        public void onLinkPropertiesChanged(Network network, LinkProperties properties) {
            differs(network);
        }

        @Override
        public void onLost(Network network) {
            if (!network.equals(own)) return;
            own = null;
            ownFacts = null;
            decide();
        }
    }

    /** Every network with the internet behind it, and what the request for mobile data brings. */
    private final class AnyNetwork extends NetworkCallback {
        @Override
        public void onCapabilitiesChanged(Network network, NetworkCapabilities has) {
            up.put(network, factsOf(network, has));
            decide();
        }

        @Override
        public void onLinkPropertiesChanged(Network network, LinkProperties properties) {
            if (!network.equals(own)) differs(network);
        }

        @Override
        public void onLost(Network network) {
            up.remove(network);
            decide();
        }
    }
}
