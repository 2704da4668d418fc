package io.restunnel.node;

/** What the owner gave can't be used. The message is one clear sentence for them, and holds no secret. */
public final class UserException extends Exception {
    private static final long serialVersionUID = 1L;

    public final transient Failure failure;

    public UserException(Failure failure) {
        super(failure.sentence());
        this.failure = failure;
    }

    public UserException(Failure.Code code, Object detail) {
        this(new Failure(code, detail));
    }
}
