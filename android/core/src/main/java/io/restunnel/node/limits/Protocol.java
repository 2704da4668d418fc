package io.restunnel.node.limits;

/** The protocol's own numbers: both ends must agree on these (native-notes/wire-protocol.md). */
public final class Protocol {
    /** Of the u16 length in front of a handshake message or a record. */
    public static final int LENGTH_BYTES = 2;
    public static final int TAG_BYTES = 16;
    public static final int RECORD_MAX_BYTES = 65_535;
    public static final int RECORD_MIN_BYTES = TAG_BYTES;
    public static final int PLAIN_MAX_BYTES = RECORD_MAX_BYTES - TAG_BYTES;
    /** type u8, id u32, length u32. */
    public static final int FRAME_HEADER_BYTES = 9;
    /** No WINDOW may lift a stream's credit above this. */
    public static final int WINDOW_MAX_BYTES = 16_777_216;
    public static final int HOST_MAX_BYTES = 255;
    public static final int SLOTS = 65_536;
    public static final int STATUS_MAX_BYTES = 1_024;
    public static final int CONTROL_MAX_BYTES = 1_024;

    private Protocol() {
    }
}
