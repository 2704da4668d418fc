package io.restunnel.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.net.ConnectivityManager;
import android.net.ConnectivityManager.NetworkCallback;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.net.Uri;
import android.os.Looper;
import io.restunnel.app.keys.FakeKeystore;
import io.restunnel.app.node.NodeHost;
import io.restunnel.app.screen.PairActivity;
import io.restunnel.app.service.NodeService;
import io.restunnel.node.HubStatus.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowNetwork;
import org.robolectric.shadows.ShadowNetworkCapabilities;

/** The whole app with its core, from the tap to a running hub and away again. Run by scripts/test-android, which starts the hub. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35, application = RealHubCheck.WholeApp.class)
public final class RealHubCheck {
    private static final long DEADLINE_NANOS = 120_000_000_000L;
    private static final Duration STEP = Duration.ofMillis(20);

    public static final class WholeApp extends App {
        @Override
        public void onCreate() {
            FakeKeystore.install();
            super.onCreate();
        }
    }

    private final WholeApp app = (WholeApp) RuntimeEnvironment.getApplication();
    private final NodeHost host = app.host();

    @Test
    public void aTapPairsAndTheServiceServes() throws InterruptedException {
        Intent link = new Intent(Intent.ACTION_VIEW, Uri.parse(System.getenv("RESTUNNEL_HUB_LINK")));
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, link).setup()) {
            screen.get().findViewById(R.id.pair_now).performClick();
            until(screen.get()::isFinishing);
        }
        ServiceController<NodeService> service = Robolectric.buildService(NodeService.class).create().startCommand(0, 1);
        until(() -> is(State.NO_NETWORK));

        Network network = ShadowNetwork.newInstance(7);
        NetworkCapabilities has = ShadowNetworkCapabilities.newInstance();
        shadowOf(has).addTransportType(NetworkCapabilities.TRANSPORT_CELLULAR);
        for (NetworkCallback callback : callbacks()) callback.onCapabilitiesChanged(network, has);
        until(() -> is(State.CONNECTED));
        assertTrue(shadowOf(network).boundSocketCount() > 0);
        assertEquals(host.nodeId(), host.hubs().get(0).nodeId);

        host.setPaused(true);
        until(() -> is(State.PAUSED));
        host.setPaused(false);
        until(() -> is(State.CONNECTED));
        for (NetworkCallback callback : callbacks()) callback.onLost(network);
        until(() -> is(State.NO_NETWORK));
        service.destroy();
        until(() -> !host.isOpen());
    }

    private boolean is(State state) {
        host.refresh();
        return host.hubs().size() == 1 && host.hubs().get(0).state == state;
    }

    private List<NetworkCallback> callbacks() {
        return new ArrayList<>(shadowOf(app.getSystemService(ConnectivityManager.class)).getNetworkCallbacks());
    }

    /** Robolectric's clock stands still by itself, and the core's deadlines go by it. */
    private static void until(BooleanSupplier isSo) throws InterruptedException {
        long end = System.nanoTime() + DEADLINE_NANOS;
        while (!isSo.getAsBoolean()) {
            assertTrue("in time", System.nanoTime() < end);
            shadowOf(Looper.getMainLooper()).idleFor(STEP);
            Thread.sleep(STEP.toMillis());
        }
    }
}
