package io.restunnel.node.wire;

/** The hub broke a rule of the protocol: the session must end. */
public final class ProtocolException extends Exception {
    private static final long serialVersionUID = 1L;

    public ProtocolException(String message) {
        super(message);
    }
}
