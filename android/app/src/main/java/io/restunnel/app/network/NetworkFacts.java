package io.restunnel.app.network;

/** What matters of a network that is up. Its handle is Network.getNetworkHandle(). */
public final class NetworkFacts {
    public final long handle;
    public final boolean wifi;
    public final boolean mobile;
    public final boolean ethernet;

    public NetworkFacts(long handle, boolean wifi, boolean mobile, boolean ethernet) {
        this.handle = handle;
        this.wifi = wifi;
        this.mobile = mobile;
        this.ethernet = ethernet;
    }

    /** As hubs name it; null: not known. A VPN has the transports of what it goes through. */
    public String kind() {
        if (mobile) return "cellular";
        if (wifi) return "wifi";
        return ethernet ? "ethernet" : null;
    }

    /** A VPN over both counts as mobile: some of its bytes may cost the owner money. */
    boolean isAllowed(boolean allowsMobile, boolean allowsOthers) {
        return mobile ? allowsMobile : allowsOthers;
    }
}
