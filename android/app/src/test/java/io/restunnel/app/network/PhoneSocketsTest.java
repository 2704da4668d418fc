package io.restunnel.app.network;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.net.ConnectivityManager;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.os.Handler;
import android.os.Looper;
import io.restunnel.app.TestApp;
import io.restunnel.node.Sockets;
import java.io.IOException;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.shadows.ShadowNetwork;

@RunWith(RobolectricTestRunner.class)
public final class PhoneSocketsTest {
    private final TestApp app = TestApp.get();
    private final NetworkWatch watch =
            new NetworkWatch(app.getSystemService(ConnectivityManager.class), new Handler(Looper.getMainLooper()));
    private final PhoneSockets sockets = new PhoneSockets(watch);

    @Test
    public void everySocketIsBoundToTheChosenNetwork() throws IOException {
        watch.start(new NetworkWatch.Listener() {
            @Override
            public void networkChosen() {
            }

            @Override
            public void networkDiffers() {
            }
        });
        Network network = app.networkUp(11, NetworkCapabilities.TRANSPORT_CELLULAR);
        ShadowNetwork shadow = shadowOf(network);
        try (SocketChannel tcp = sockets.openTcp(); DatagramChannel udp = sockets.openUdp(false)) {
            assertTrue(shadow.isSocketBound(tcp.socket()));
            assertTrue(shadow.isSocketBound(udp.socket()));
            assertEquals(2, shadow.boundSocketCount());
        }
    }

    @Test
    public void aSilentResolverIsNoMissingName() {
        assertTrue(PhoneSockets.isNoAnswer(failure("android_getaddrinfo failed: EAI_AGAIN (Temporary failure in name resolution)")));
        assertFalse(PhoneSockets.isNoAnswer(failure("android_getaddrinfo failed: EAI_NODATA (No address associated with hostname)")));
        assertFalse(PhoneSockets.isNoAnswer(new UnknownHostException("x")));
    }

    private static UnknownHostException failure(String cause) {
        UnknownHostException failure = new UnknownHostException("Unable to resolve host");
        failure.initCause(new IOException(cause));
        return failure;
    }

    @Test
    public void theAddressesOfThisDeviceAreItsOwn() throws IOException {
        boolean hasLoopback = false;
        for (Sockets.InterfaceAddress own : sockets.ownAddresses()) {
            hasLoopback |= own.address.isLoopbackAddress();
            assertFalse(own.prefixLength < 0 || own.prefixLength > 128);
        }
        assertTrue(hasLoopback);
    }
}
