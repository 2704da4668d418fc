package io.restunnel.app.node;

import io.restunnel.app.network.NetworkFacts;
import io.restunnel.app.network.NetworkWatch;
import io.restunnel.node.DeviceFacts;

/** What hubs hear of this phone. */
final class PhoneFacts implements DeviceFacts {
    private final String version;
    private final NetworkWatch networks;
    private final PowerWatch power;

    PhoneFacts(String version, NetworkWatch networks, PowerWatch power) {
        this.version = version;
        this.networks = networks;
        this.power = power;
    }

    @Override
    public String platform() {
        return "android";
    }

    @Override
    public String version() {
        return version;
    }

    @Override
    public String network() {
        NetworkFacts network = networks.choice().network;
        return network == null ? null : network.kind();
    }

    @Override
    public Integer batteryPercent() {
        return power.percent();
    }

    @Override
    public Boolean charging() {
        return power.charging();
    }
}
