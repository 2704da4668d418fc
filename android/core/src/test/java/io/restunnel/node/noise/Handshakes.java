package io.restunnel.node.noise;

/** Handshakes whose keys are all given. */
public final class Handshakes {
    private Handshakes() {
    }

    public static Initiator fixed(KeyPair ephemeral, KeyPair ours, byte[] hubPublicKey, byte[] payload) throws HandshakeException {
        return new Initiator(Initiator.PROLOGUE, ephemeral, ours, hubPublicKey, payload);
    }
}
