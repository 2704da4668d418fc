package io.restunnel.node.noise;

/** Bits of the capabilities word. One is in force when both sides announce it. */
public final class Capabilities {
    public static final int GOAWAY = 1;
    public static final int UDP = 2;
    public static final int CONTROL = 4;
    /** What this node announces. */
    public static final int OFFERED = GOAWAY | UDP | CONTROL;

    private Capabilities() {
    }
}
