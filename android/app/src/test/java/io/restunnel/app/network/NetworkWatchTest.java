package io.restunnel.app.network;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.robolectric.Shadows.shadowOf;

import android.net.ConnectivityManager;
import android.net.LinkProperties;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.os.Handler;
import android.os.Looper;
import io.restunnel.app.TestApp;
import io.restunnel.node.Sockets.NoAnswerException;
import io.restunnel.node.Sockets.NoNetworkException;
import java.util.ArrayList;
import java.util.List;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.shadows.ShadowNetworkCapabilities;

@RunWith(RobolectricTestRunner.class)
public final class NetworkWatchTest {
    private static final int WIFI = NetworkCapabilities.TRANSPORT_WIFI;
    private static final int MOBILE = NetworkCapabilities.TRANSPORT_CELLULAR;

    private final TestApp app = TestApp.get();
    private final NetworkWatch watch =
            new NetworkWatch(app.getSystemService(ConnectivityManager.class), new Handler(Looper.getMainLooper()));
    private final List<String> heard = new ArrayList<>();

    private void start() {
        watch.start(new NetworkWatch.Listener() {
            @Override
            public void networkChosen() {
                heard.add("chosen " + watch.chosen());
            }

            @Override
            public void networkDiffers() {
                heard.add("differs");
            }
        });
    }

    @Test
    public void followsThePhoneToItsNextNetwork() {
        start();
        assertNull(watch.chosen());
        Network mobile = app.networkUp(11, MOBILE);
        Network wifi = app.networkUp(12, WIFI);
        assertEquals(wifi, watch.chosen());
        app.networkLost(wifi);
        assertEquals(mobile, watch.chosen());
        app.networkLost(mobile);
        assertNull(watch.chosen());
        assertEquals(List.of("chosen " + mobile, "chosen " + wifi, "chosen " + mobile, "chosen null"), heard);
    }

    @Test
    public void asksForMobileDataOnlyWhileItAloneIsWanted() {
        start();
        int usual = app.callbacks().size();
        watch.allow(NetworkUse.MOBILE, false);
        assertEquals(usual + 1, app.callbacks().size());
        watch.allow(NetworkUse.MOBILE, true);
        assertEquals(usual, app.callbacks().size());
        watch.allow(NetworkUse.MOBILE, false);
        watch.allow(NetworkUse.BOTH, false);
        assertEquals(usual, app.callbacks().size());
        watch.stop();
        assertEquals(0, app.callbacks().size());
    }

    @Test
    public void staysOnMobileDataWhileWifiIsUp() {
        watch.allow(NetworkUse.MOBILE, false);
        start();
        Network mobile = app.networkUp(11, MOBILE);
        app.networkUp(12, WIFI);
        assertEquals(mobile, watch.chosen());
        assertEquals(List.of("chosen " + mobile), heard);
    }

    @Test
    public void newAddressesOfItsNetworkAreNews() {
        start();
        Network wifi = app.networkUp(12, WIFI);
        heard.clear();
        for (ConnectivityManager.NetworkCallback callback : app.callbacks()) {
            callback.onLinkPropertiesChanged(wifi, shadowLinkProperties());
        }
        assertEquals(List.of("differs"), heard);
    }

    @Test
    public void aNetworkThatTurnsIntoAnotherKindIsNews() {
        start();
        Network vpn = app.networkUp(12, WIFI);
        heard.clear();
        NetworkCapabilities over = ShadowNetworkCapabilities.newInstance();
        shadowOf(over).addTransportType(MOBILE);
        for (ConnectivityManager.NetworkCallback callback : app.callbacks()) callback.onCapabilitiesChanged(vpn, over);
        assertEquals(List.of("differs"), heard);
        assertEquals("cellular", watch.choice().network.kind());
    }

    @Test
    public void nothingLeavesThroughANetworkThatIsNotAllowed() {
        PhoneSockets sockets = new PhoneSockets(watch);
        watch.allow(NetworkUse.WIFI, false);
        start();
        app.networkUp(11, MOBILE);
        assertThrows(NoNetworkException.class, sockets::openTcp);
        assertThrows(NoNetworkException.class, () -> sockets.openUdp(false));
        assertThrows(NoAnswerException.class, () -> sockets.resolve("localhost"));
    }

    private static LinkProperties shadowLinkProperties() {
        return org.robolectric.util.ReflectionHelpers.callConstructor(LinkProperties.class);
    }
}
