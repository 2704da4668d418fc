package io.restunnel.node.noise;

import java.nio.ByteBuffer;

/** One direction of a session after its handshake: the record counter and the rekeying. */
public final class RecordCipher {
    private static final int REKEY_AFTER_RECORDS = 1 << 16;
    /** Reserved for REKEY. */
    private static final long LAST_COUNTER = -1;

    private Aead aead;
    /** Of the next record, unsigned. Rekeying does not reset it. */
    private long counter;
    /** A record was forged: nothing opens any more. */
    private boolean broken;

    /** @param key 32 bytes, copied */
    public RecordCipher(byte[] key) {
        this(key, 0);
    }

    /** @param counter of the first record, 0 in every real session */
    public RecordCipher(byte[] key, long counter) {
        aead = new Aead(key);
        this.counter = counter;
    }

    /** Seals what remains of one buffer into the other: 16 bytes more. Moves both positions. */
    public void seal(ByteBuffer from, ByteBuffer to) {
        if (counter == LAST_COUNTER) throw new IllegalStateException("the session has used up its nonces");
        aead.seal(counter, from, to);
        advance();
    }

    /** As seal(), back again. False when the record is forged or out of order: the session must end. */
    public boolean open(ByteBuffer from, ByteBuffer to) {
        broken = broken || counter == LAST_COUNTER || !aead.open(counter, from, to);
        if (!broken) advance();
        return !broken;
    }

    private void advance() {
        if ((++counter & REKEY_AFTER_RECORDS - 1) == 0) aead = aead.rekeyed();
    }
}
