package io.restunnel.app.network;

/** Which networks the owner lets the node use. */
public enum NetworkUse {
    /** Wi-Fi, or a cable. */
    WIFI,
    MOBILE,
    /** Whichever the phone itself uses. */
    BOTH,
}
