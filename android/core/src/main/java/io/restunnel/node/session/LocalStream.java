package io.restunnel.node.session;

import java.nio.ByteBuffer;

/**
 * The device's end of a stream: what carries its bytes to and from a target. The session calls it. Where bytes lie in a buffer is said by
 * numbers; its position and limit are to stay as they are.
 */
public interface LocalStream {
    /** What read() says at the end of the target's bytes. */
    int END = -1;
    /** What read() says of a connection that broke. */
    int BROKEN = -2;

    /**
     * Takes bytes of the hub's. They are valid during the call. How many left for the target at once; it keeps the others and reports them
     * with {@link Session#consumed} later. It may abort the stream meanwhile.
     */
    int receive(ByteBuffer from, int at, int length);

    /** No more bytes come from the hub. */
    void ended();

    /** The hub has given the stream up, or the session is over: the stream must not be used any more. */
    void aborted();

    /** Reads up to length bytes of the target's: how many, 0 for none now, END or BROKEN. */
    int read(ByteBuffer to, int at, int length);

    /** The last read() left nothing behind: call {@link Session#readable} when there is more. */
    void drained();

    /** A datagram of the hub's: address header and data. Only on an association. */
    void datagram(ByteBuffer from, int at, int headerBytes, int length);
}
