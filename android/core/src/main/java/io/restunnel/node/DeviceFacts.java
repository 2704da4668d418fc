package io.restunnel.node;

/**
 * What STATUS tells the hubs about this device. Called by one thread of the node's own, once a minute and after
 * {@link ExitNode#deviceChanged()}. Null always means: not known.
 */
public interface DeviceFacts {
    /** "android", "linux", … */
    String platform();

    /** The node program's version. */
    String version();

    /** "wifi", "cellular" or "ethernet". Hubs route by it. */
    String network();

    /** 0 to 100. */
    Integer batteryPercent();

    Boolean charging();
}
