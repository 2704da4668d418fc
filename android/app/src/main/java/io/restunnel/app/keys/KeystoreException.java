package io.restunnel.app.keys;

import java.io.IOException;

/** The phone's Keystore refuses or fails. It may work later. */
public final class KeystoreException extends IOException {
    private static final long serialVersionUID = 1L;

    public KeystoreException(Throwable cause) {
        super("the Android Keystore fails: " + cause, cause);
    }
}
