package io.restunnel.app;

import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.net.ConnectivityManager;
import android.net.ConnectivityManager.NetworkCallback;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.os.BatteryManager;
import android.os.Looper;
import io.restunnel.app.keys.FakeKeystore;
import io.restunnel.app.node.Node;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.shadows.ShadowNetwork;
import org.robolectric.shadows.ShadowNetworkCapabilities;

/** The app with fake nodes, a fake Keystore, and a worker that works at once. Robolectric makes a new one for each test. */
public final class TestApp extends App {
    public static final String KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    public static final String LINK = "restunnel://hub.example.org:9000/?k=" + KEY + "&t=" + KEY;

    public final List<FakeNode> made = new ArrayList<>();
    public FakeKeystore keystore;
    public long bytes;

    @Override
    public void onCreate() {
        keystore = FakeKeystore.install();
        super.onCreate();
    }

    public static TestApp get() {
        return (TestApp) RuntimeEnvironment.getApplication();
    }

    /** With a hub paired. */
    public static TestApp paired() throws UserException {
        TestApp app = get();
        app.host().pair(PairingLink.parse(LINK), "phone", failure -> {
            if (failure != null) throw new AssertionError(failure);
        });
        idle();
        return app;
    }

    public FakeNode node() {
        return made.get(made.size() - 1);
    }

    public static void idle() {
        shadowOf(Looper.getMainLooper()).idle();
    }

    /** The phone uses this network itself from now on. */
    public Network networkUp(int id, int transport) {
        Network network = ShadowNetwork.newInstance(id);
        NetworkCapabilities has = ShadowNetworkCapabilities.newInstance();
        shadowOf(has).addTransportType(transport);
        for (NetworkCallback callback : callbacks()) callback.onCapabilitiesChanged(network, has);
        idle();
        return network;
    }

    public void networkLost(Network network) {
        for (NetworkCallback callback : callbacks()) callback.onLost(network);
        idle();
    }

    public List<NetworkCallback> callbacks() {
        return new ArrayList<>(shadowOf(getSystemService(ConnectivityManager.class)).getNetworkCallbacks());
    }

    /** The system sends it as a sticky broadcast, which apps should no longer do. */
    @SuppressWarnings("deprecation")
    public void plug(boolean in, int percent) {
        sendStickyBroadcast(new Intent(Intent.ACTION_BATTERY_CHANGED)
                .putExtra(BatteryManager.EXTRA_LEVEL, percent)
                .putExtra(BatteryManager.EXTRA_SCALE, 100)
                .putExtra(BatteryManager.EXTRA_PLUGGED, in ? BatteryManager.BATTERY_PLUGGED_USB : 0));
        idle();
    }

    @Override
    protected Node.Maker nodeMaker() {
        return options -> {
            FakeNode node = new FakeNode(options);
            made.add(node);
            return node;
        };
    }

    @Override
    protected Executor worker() {
        return Runnable::run;
    }

    @Override
    protected long bytesOfThisApp() {
        return bytes;
    }
}
