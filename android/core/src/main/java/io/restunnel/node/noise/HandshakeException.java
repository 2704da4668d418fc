package io.restunnel.node.noise;

/** The handshake failed, or a message of it is malformed: close the connection. */
public final class HandshakeException extends Exception {
    private static final long serialVersionUID = 1L;

    public HandshakeException(String message) {
        super(message);
    }
}
