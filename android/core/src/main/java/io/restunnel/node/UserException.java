package io.restunnel.node;

/** What the owner gave can't be used. The message is one clear sentence for them, and holds no secret. */
public final class UserException extends Exception {
    private static final long serialVersionUID = 1L;

    public UserException(String message) {
        super(message);
    }
}
