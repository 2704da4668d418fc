package io.restunnel.app.node;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.net.Network;
import android.net.NetworkCapabilities;
import android.os.Looper;
import io.restunnel.app.TestApp;
import io.restunnel.app.network.NetworkUse;
import io.restunnel.node.HubStatus.State;
import io.restunnel.node.UserException;
import java.time.Duration;
import java.util.Collections;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

@RunWith(RobolectricTestRunner.class)
public final class NodeHostTest {
    private static final int WIFI = NetworkCapabilities.TRANSPORT_WIFI;
    private static final int MOBILE = NetworkCapabilities.TRANSPORT_CELLULAR;

    private TestApp app;
    private NodeHost host;

    private void run() throws UserException {
        app = TestApp.paired();
        host = app.host();
        app.plug(true, 80);
        host.run();
        TestApp.idle();
        app.node().calls.clear();
    }

    private int count(String call) {
        return Collections.frequency(app.node().calls, call);
    }

    @Test
    public void onlyWhileChargingPausesAndResumes() throws UserException {
        run();
        app.networkUp(1, WIFI);
        app.plug(false, 79);
        assertEquals(0, count("pause"));
        app.settings().setOnlyWhileCharging(true);
        host.reconsider();
        assertEquals(Hold.NOT_CHARGING, host.hold());
        assertEquals(1, count("pause"));
        app.plug(false, 78);
        assertEquals(1, count("pause"));
        app.plug(true, 78);
        assertEquals(1, count("resume"));
        assertEquals(Hold.NOTHING, host.hold());
    }

    @Test
    public void aHubThatTheOwnerPausedStaysPaused() throws UserException {
        run();
        host.setHubPaused(TestApp.KEY, true);
        host.setPaused(true);
        host.setPaused(false);
        assertEquals(1, count("pause"));
        assertEquals(0, count("resume"));
        host.setHubPaused(TestApp.KEY, false);
        assertEquals(1, count("resume"));
    }

    @Test
    public void aPauseOutlivesTheProcess() throws UserException {
        run();
        host.setPaused(true);
        host.halt();
        host.run();
        TestApp.idle();
        assertEquals(2, app.made.size());
        assertEquals("pause", app.node().calls.get(0));
        assertEquals("start", app.node().calls.get(1));
    }

    @Test
    public void anotherNetworkIsDialledAtOnceAndTheOldOneLeft() throws UserException {
        run();
        Network mobile = app.networkUp(1, MOBILE);
        assertEquals(1, count("networkChanged true"));
        app.networkUp(2, WIFI);
        assertEquals(2, count("networkChanged true"));
        app.networkLost(mobile);
        assertEquals(2, count("networkChanged true"));
    }

    @Test
    public void theMonthsLimitEndsMobileDataAndWifiGoesOn() throws UserException {
        run();
        app.settings().setMobileLimitBytes(1_000);
        host.reconsider();
        app.networkUp(1, MOBILE);
        app.bytes += 999;
        host.refresh();
        assertEquals(Hold.NOTHING, host.hold());
        app.bytes += 1;
        app.node().calls.clear();
        host.refresh();
        assertEquals(Hold.MOBILE_DATA_SPENT, host.hold());
        assertEquals(1, count("networkChanged true"));
        app.networkUp(2, WIFI);
        assertEquals(Hold.NOTHING, host.hold());
        app.bytes += 5_000;
        host.refresh();
        assertEquals(1_000, host.traffic().mobileBytesThisMonth());
        app.settings().setMobileLimitBytes(2_000);
        host.reconsider();
        app.settings().setNetworkUse(NetworkUse.MOBILE);
        host.reconsider();
        assertEquals(Hold.NOTHING, host.hold());
    }

    @Test
    public void aPhoneThatCountsNoBytesGoesByItsHubs() throws UserException {
        run();
        app.bytes = -1;
        app.networkUp(1, MOBILE);
        app.node().set(TestApp.KEY, State.CONNECTED, 500, null);
        host.refresh();
        assertEquals(500, host.traffic().bytesToday());
        assertEquals(1_000, host.traffic().mobileBytesThisMonth());
    }

    @Test
    public void aNetworkThatIsNotAllowedIsWaitedOut() throws UserException {
        run();
        app.settings().setNetworkUse(NetworkUse.WIFI);
        app.networkUp(1, MOBILE);
        host.reconsider();
        assertEquals(Hold.NETWORK_NOT_ALLOWED, host.hold());
        app.networkUp(2, WIFI);
        assertEquals(Hold.NOTHING, host.hold());
    }

    @Test
    public void aFailingKeystoreIsTriedAgain() throws UserException {
        run();
        host.halt();
        TestApp.idle();
        app.keystore.fails = true;
        host.run();
        TestApp.idle();
        assertTrue(host.isKeystoreFailing());
        assertFalse(host.isOpen());
        app.keystore.fails = false;
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(NodeHost.RETRY_MS));
        assertTrue(host.isOpen());
        assertNull(host.trouble());
        assertEquals(1, count("start"));
    }

    @Test
    public void aLostKeyIsThrownAwayOnlyByTheOwner() throws UserException {
        run();
        host.halt();
        TestApp.idle();
        app.keystore.keys.clear();
        host.run();
        TestApp.idle();
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(3 * NodeHost.RETRY_MS));
        assertTrue(host.isKeyLost());
        assertTrue(app.settings().hasHubs());
        host.startOver();
        TestApp.idle();
        assertFalse(host.isKeyLost());
        assertTrue(host.isOpen());
        assertEquals(0, host.hubs().size());
        assertFalse(app.settings().hasHubs());
    }

    @Test
    public void aNodeThatEndsByItselfIsMadeAnew() throws UserException {
        run();
        io.restunnel.app.FakeNode dead = app.node();
        dead.options.listener.ended(new IllegalStateException("the selector died"));
        TestApp.idle();
        assertFalse(host.isOpen());
        assertEquals("the selector died", host.trouble().getMessage());
        // The old one is gone before the next is made.
        assertEquals(1, Collections.frequency(dead.calls, "awaitEnd"));
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(NodeHost.RETRY_MS));
        assertEquals(2, app.made.size());
        assertEquals(1, count("start"));
    }

    @Test
    public void hubsHearOfBatteryAndNetwork() throws UserException {
        run();
        assertEquals("android", app.node().options.device.platform());
        assertEquals(Integer.valueOf(80), app.node().options.device.batteryPercent());
        app.plug(false, 42);
        assertEquals(1, count("deviceChanged"));
        assertEquals(Integer.valueOf(42), app.node().options.device.batteryPercent());
        assertEquals(Boolean.FALSE, app.node().options.device.charging());
        app.networkUp(1, MOBILE);
        assertEquals("cellular", app.node().options.device.network());
    }
}
