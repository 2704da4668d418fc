package io.restunnel.node.session;

import io.restunnel.node.noise.Capabilities;

/** What both sides agreed on in the handshake. */
public final class SessionTerms {
    public final int initialWindowBytes;
    public final int capabilities;

    /** @param hubCapabilities as the hub announced them */
    public SessionTerms(int initialWindowBytes, int hubCapabilities) {
        this.initialWindowBytes = initialWindowBytes;
        this.capabilities = hubCapabilities & Capabilities.OFFERED;
    }

    boolean has(int capability) {
        return (capabilities & capability) != 0;
    }
}
