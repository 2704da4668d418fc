package io.restunnel.node.noise;

import java.nio.charset.StandardCharsets;

/** Stands behind the first message, so that the hub spends one hash and no Diffie-Hellman on whoever does not know its public key. */
final class Mac1 {
    static final int BYTES = 16;
    private static final byte[] LABEL = "restunnel mac1".getBytes(StandardCharsets.US_ASCII);

    private Mac1() {
    }

    static byte[] key(byte[] hubPublicKey) {
        return Blake2b.hash(32, LABEL, hubPublicKey);
    }

    static byte[] of(byte[] key, byte[] message) {
        return Blake2b.keyed(BYTES, key, message);
    }
}
