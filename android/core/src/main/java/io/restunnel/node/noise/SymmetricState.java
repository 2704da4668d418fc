package io.restunnel.node.noise;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Noise's SymmetricState and CipherState for 25519_ChaChaPoly_BLAKE2b (revision 34, sections 5.1 and 5.2). */
final class SymmetricState {
    private byte[] chainingKey;
    private byte[] hash;
    /** Null before the first mixKey(). */
    private Aead aead;
    private long counter;

    SymmetricState(String protocolName, byte[] prologue) {
        // Not longer than a hash: padded with zeros.
        hash = Arrays.copyOf(protocolName.getBytes(StandardCharsets.US_ASCII), Blake2b.HASH_BYTES);
        chainingKey = hash;
        mixHash(prologue);
    }

    void mixHash(byte[] data) {
        hash = Blake2b.hash(Blake2b.HASH_BYTES, hash, data);
    }

    void mixKey(byte[] secret) {
        byte[][] keys = Blake2b.hkdf(chainingKey, secret);
        Arrays.fill(secret, (byte) 0);
        chainingKey = keys[0];
        aead = new Aead(Arrays.copyOf(keys[1], Aead.KEY_BYTES));
        counter = 0;
    }

    byte[] encryptAndHash(byte[] plain) {
        byte[] sealed = new byte[plain.length + Aead.TAG_BYTES];
        aead.seal(counter++, hash, plain, 0, plain.length, sealed, 0);
        mixHash(sealed);
        return sealed;
    }

    byte[] decryptAndHash(byte[] sealed) throws HandshakeException {
        byte[] plain = new byte[Math.max(0, sealed.length - Aead.TAG_BYTES)];
        if (!aead.open(counter++, hash, sealed, 0, sealed.length, plain, 0)) {
            throw new HandshakeException("the handshake failed: the other side does not have the key it was paired with");
        }
        mixHash(sealed);
        return plain;
    }

    /** The keys of the initiator's and of the responder's records. */
    byte[][] split() {
        byte[][] keys = Blake2b.hkdf(chainingKey, new byte[0]);
        return new byte[][] {Arrays.copyOf(keys[0], Aead.KEY_BYTES), Arrays.copyOf(keys[1], Aead.KEY_BYTES)};
    }

    byte[] hash() {
        return hash.clone();
    }
}
