package io.restunnel.node.noise;

import java.security.SecureRandom;
import java.util.Arrays;
import org.bouncycastle.crypto.agreement.X25519Agreement;
import org.bouncycastle.crypto.params.X25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.X25519PublicKeyParameters;

/** An X25519 key pair. Bouncy Castle's, because Android 9 has no X25519. */
public final class KeyPair {
    public static final int KEY_BYTES = 32;

    private final byte[] privateKey;
    private final byte[] publicKey;

    /** @param privateKey 32 bytes, copied */
    public KeyPair(byte[] privateKey) {
        if (privateKey.length != KEY_BYTES) throw new IllegalArgumentException("an X25519 key has 32 bytes");
        this.privateKey = privateKey.clone();
        this.publicKey = new X25519PrivateKeyParameters(this.privateKey, 0).generatePublicKey().getEncoded();
    }

    public static KeyPair random(SecureRandom random) {
        byte[] key = new byte[KEY_BYTES];
        random.nextBytes(key);
        return new KeyPair(key);
    }

    public byte[] publicKey() {
        return publicKey.clone();
    }

    public byte[] privateKey() {
        return privateKey.clone();
    }

    /** The shared secret. Throws for a public key of low order, with which it would be zero. */
    byte[] agree(byte[] otherPublicKey) throws HandshakeException {
        X25519Agreement agreement = new X25519Agreement();
        agreement.init(new X25519PrivateKeyParameters(privateKey, 0));
        byte[] secret = new byte[agreement.getAgreementSize()];
        try {
            agreement.calculateAgreement(new X25519PublicKeyParameters(otherPublicKey, 0), secret, 0);
        } catch (IllegalStateException lowOrder) {
            throw new HandshakeException("the handshake failed: a public key of low order");
        }
        return secret;
    }

    /** Zeros the private key. */
    public void wipe() {
        Arrays.fill(privateKey, (byte) 0);
    }
}
