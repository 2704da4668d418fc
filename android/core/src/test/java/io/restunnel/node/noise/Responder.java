package io.restunnel.node.noise;

import java.util.Arrays;

/** A hub's side of the handshake, for tests. */
public final class Responder {
    public final byte[] remoteStatic;
    public final byte[] payload;
    private final SymmetricState state;
    private final KeyPair ephemeral;
    private final byte[] remoteEphemeral;

    /** @param message1 without mac1 */
    public Responder(byte[] prologue, KeyPair ephemeral, KeyPair ours, byte[] message1) throws HandshakeException {
        this.ephemeral = ephemeral;
        state = new SymmetricState(Initiator.PROTOCOL_NAME, prologue);
        state.mixHash(ours.publicKey());
        remoteEphemeral = Arrays.copyOf(message1, 32);
        state.mixHash(remoteEphemeral);
        state.mixKey(ours.agree(remoteEphemeral));
        remoteStatic = state.decryptAndHash(Arrays.copyOfRange(message1, 32, 80));
        state.mixKey(ours.agree(remoteStatic));
        payload = state.decryptAndHash(Arrays.copyOfRange(message1, 80, message1.length));
    }

    public byte[] message2(byte[] payload) throws HandshakeException {
        state.mixHash(ephemeral.publicKey());
        state.mixKey(ephemeral.agree(remoteEphemeral));
        state.mixKey(ephemeral.agree(remoteStatic));
        return Initiator.concat(ephemeral.publicKey(), state.encryptAndHash(payload));
    }

    /** Of the initiator's records and of ours. */
    public byte[][] keys() {
        return state.split();
    }
}
