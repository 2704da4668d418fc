package io.restunnel.app.node;

import io.restunnel.app.network.NetworkWatch;
import io.restunnel.app.settings.DataMeter;
import io.restunnel.app.settings.Settings;
import io.restunnel.node.HubStatus;
import java.time.LocalDate;
import java.util.List;
import java.util.function.LongSupplier;

/** Counts the node's bytes by the phone's calendar, and knows when the month's mobile data is used up. */
public final class Traffic {
    private final Settings settings;
    private final DataMeter meter;
    private final NetworkWatch networks;
    private final LongSupplier deviceBytes;
    /** What the bytes since the last count went over. */
    private boolean onMobile;

    /** @param deviceBytes of the whole app since the phone started; below 0: not known */
    Traffic(Settings settings, DataMeter meter, NetworkWatch networks, LongSupplier deviceBytes) {
        this.settings = settings;
        this.meter = meter;
        this.networks = networks;
        this.deviceBytes = deviceBytes;
    }

    void count(List<HubStatus> hubs) {
        LocalDate today = LocalDate.now();
        long ofHubs = 0;
        for (HubStatus hub : hubs) {
            ofHubs += hub.sentBytes + hub.receivedBytes;
            meter.countHub(today, hub.publicKey, hub.sentBytes + hub.receivedBytes);
        }
        long ofDevice = deviceBytes.getAsLong();
        // A phone that does not count: each byte came from a site and went to a hub, or the other way.
        meter.countDevice(today, ofDevice < 0 ? 2 * ofHubs : ofDevice, onMobile);
    }

    /** After a count: what comes from now on goes over the network that is chosen now. */
    void networkChosen() {
        onMobile = networks.choice().network != null && networks.choice().network.mobile;
    }

    boolean isMobileDataSpent() {
        long limit = settings.mobileLimitBytes();
        return limit != Settings.NO_LIMIT && mobileBytesThisMonth() >= limit;
    }

    public long hubBytesToday(String hubPublicKey) {
        return meter.hubBytes(LocalDate.now(), hubPublicKey);
    }

    public long bytesToday() {
        return meter.allHubsBytes(LocalDate.now());
    }

    public long mobileBytesThisMonth() {
        return meter.mobileBytes(LocalDate.now());
    }

    void forgetHub(String hubPublicKey) {
        meter.forgetHub(hubPublicKey);
    }

    void nodeEnded() {
        meter.nodeEnded();
        meter.save();
    }

    void save() {
        meter.save();
    }
}
