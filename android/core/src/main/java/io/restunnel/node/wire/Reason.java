package io.restunnel.node.wire;

/** Why a stream could not be opened: what CONNECT_FAIL carries. The least telling first, for the best of several attempts. */
public enum Reason {
    INTERNAL(0x01),
    POLICY(0x02),
    NO_ROUTE(0x03),
    BUSY(0x09),
    HOST_UNREACHABLE(0x04),
    TIMED_OUT(0x06),
    REFUSED(0x05),
    NAME_NOT_FOUND(0x07),
    NAME_TIMED_OUT(0x08),
    STOPPING(0x0a),
    BAD_TARGET(0x0b),
    RESOLVER_SILENT(0x0c);

    public final int code;

    Reason(int code) {
        this.code = code;
    }

    /** An answer from the target says more than silence, silence more than a family that this device has no route for. */
    public Reason orMoreTelling(Reason other) {
        return other.ordinal() > ordinal() ? other : this;
    }
}
