package io.restunnel.node.noise;

import java.security.SecureRandom;

/** Handshakes whose keys are all given. */
public final class Handshakes {
    private Handshakes() {
    }

    public static Initiator fixed(KeyPair ephemeral, KeyPair ours, byte[] hubPublicKey, byte[] payload) throws HandshakeException {
        return new Initiator(Initiator.PROLOGUE, ephemeral, ours, hubPublicKey, payload);
    }

    /** @param message1 without mac1 */
    public static Responder answer(KeyPair ours, byte[] message1) throws HandshakeException {
        return new Responder(Initiator.PROLOGUE, KeyPair.random(new SecureRandom()), ours, message1);
    }
}
