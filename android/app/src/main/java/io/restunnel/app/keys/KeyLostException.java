package io.restunnel.app.keys;

import java.io.IOException;

/** The node's key can't be read again, ever: only a new key helps, and pairing again. */
public final class KeyLostException extends IOException {
    private static final long serialVersionUID = 1L;

    public KeyLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
