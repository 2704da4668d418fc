package io.restunnel.app.network;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertSame;

import io.restunnel.app.network.NetworkChoice.Why;
import java.util.Arrays;
import java.util.Collections;
import org.junit.Test;

public final class NetworkChoiceTest {
    private static final NetworkFacts WIFI = new NetworkFacts(1, true, false, false);
    private static final NetworkFacts MOBILE = new NetworkFacts(2, false, true, false);
    private static final NetworkFacts CABLE = new NetworkFacts(3, false, false, true);
    private static final NetworkFacts VPN_OVER_MOBILE = new NetworkFacts(4, false, true, false);
    private static final NetworkFacts UNKNOWN = new NetworkFacts(5, false, false, false);

    @Test
    public void thePhonesOwnNetworkIsUsedWhereItMayBe() {
        assertSame(WIFI, of(WIFI, NetworkUse.BOTH, false, WIFI, MOBILE).network);
        assertSame(MOBILE, of(MOBILE, NetworkUse.BOTH, false, MOBILE, WIFI).network);
        assertSame(VPN_OVER_MOBILE, of(VPN_OVER_MOBILE, NetworkUse.MOBILE, false, MOBILE, WIFI).network);
        assertSame(CABLE, of(CABLE, NetworkUse.WIFI, false, CABLE, MOBILE).network);
        assertSame(UNKNOWN, of(UNKNOWN, NetworkUse.BOTH, false, UNKNOWN).network);
    }

    @Test
    public void mobileDataIsUsedBesideWifiWhenAskedFor() {
        assertSame(MOBILE, of(WIFI, NetworkUse.MOBILE, false, WIFI, MOBILE).network);
        assertEquals(Why.NONE_IS_ALLOWED, of(WIFI, NetworkUse.MOBILE, false, WIFI).why);
    }

    @Test
    public void wifiAloneMeansNoMobileData() {
        assertEquals(Why.NONE_IS_ALLOWED, of(MOBILE, NetworkUse.WIFI, false, MOBILE).why);
        assertSame(WIFI, of(MOBILE, NetworkUse.WIFI, false, MOBILE, WIFI).network);
    }

    @Test
    public void spentMobileDataLeavesWifi() {
        assertEquals(Why.MOBILE_DATA_SPENT, of(MOBILE, NetworkUse.BOTH, true, MOBILE).why);
        assertEquals(Why.MOBILE_DATA_SPENT, of(WIFI, NetworkUse.MOBILE, true, WIFI, MOBILE).why);
        assertSame(WIFI, of(WIFI, NetworkUse.BOTH, true, WIFI, MOBILE).network);
        assertSame(WIFI, of(MOBILE, NetworkUse.BOTH, true, MOBILE, WIFI).network);
        assertEquals(Why.NONE_IS_ALLOWED, of(MOBILE, NetworkUse.WIFI, true, MOBILE).why);
    }

    @Test
    public void withoutANetworkThereIsNone() {
        assertEquals(Why.NONE_IS_UP, NetworkChoice.of(null, Collections.emptyList(), NetworkUse.BOTH, false).why);
        assertEquals(Why.NONE_IS_UP, NetworkChoice.of(null, Collections.emptyList(), NetworkUse.MOBILE, true).why);
        // Up, though the phone itself does not use it yet.
        assertSame(MOBILE, of(null, NetworkUse.BOTH, false, MOBILE).network);
    }

    private static NetworkChoice of(NetworkFacts own, NetworkUse use, boolean spent, NetworkFacts... up) {
        return NetworkChoice.of(own, Arrays.asList(up), use, spent);
    }
}
