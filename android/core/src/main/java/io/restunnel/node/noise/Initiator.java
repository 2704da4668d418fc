package io.restunnel.node.noise;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;

/** The node's side of Noise_IK_25519_ChaChaPoly_BLAKE2b: one message each way, then a key for each direction. */
public final class Initiator {
    public static final int MESSAGE_MAX_BYTES = 2_048;
    /** Message 2 without its payload: e, and the payload's tag. */
    public static final int MESSAGE2_MIN_BYTES = 48;
    static final String PROTOCOL_NAME = "Noise_IK_25519_ChaChaPoly_BLAKE2b";
    static final byte[] PROLOGUE = "restunnel/1".getBytes(StandardCharsets.US_ASCII);

    private final SymmetricState state;
    private final KeyPair ours;
    private final KeyPair ephemeral;
    private final byte[] message1;

    /** What a finished handshake gives. */
    public static final class Result {
        /** The payload of message 2. */
        public final byte[] payload;
        public final byte[] sendKey;
        public final byte[] receiveKey;

        Result(byte[] payload, byte[] sendKey, byte[] receiveKey) {
            this.payload = payload;
            this.sendKey = sendKey;
            this.receiveKey = receiveKey;
        }
    }

    /**
     * @param payload of message 1, see Message1
     * @throws HandshakeException if the hub's key is no usable public key
     */
    public Initiator(KeyPair ours, byte[] hubPublicKey, byte[] payload, SecureRandom random) throws HandshakeException {
        this(PROLOGUE, KeyPair.random(random), ours, hubPublicKey, payload);
    }

    /** For test vectors. */
    Initiator(byte[] prologue, KeyPair ephemeral, KeyPair ours, byte[] hubPublicKey, byte[] payload) throws HandshakeException {
        this.ours = ours;
        this.ephemeral = ephemeral;
        state = new SymmetricState(PROTOCOL_NAME, prologue);
        // IK: the initiator knows the responder's static key.
        state.mixHash(hubPublicKey);
        state.mixHash(ephemeral.publicKey());
        state.mixKey(ephemeral.agree(hubPublicKey));
        byte[] sealedKey = state.encryptAndHash(ours.publicKey());
        state.mixKey(ours.agree(hubPublicKey));
        byte[] sealedPayload = state.encryptAndHash(payload);
        byte[] noise = concat(ephemeral.publicKey(), sealedKey, sealedPayload);
        message1 = concat(noise, Mac1.of(Mac1.key(hubPublicKey), noise));
        if (message1.length > MESSAGE_MAX_BYTES) throw new HandshakeException("the first message is too long");
    }

    /** Followed by mac1, without the length in front. */
    public byte[] message1() {
        return message1.clone();
    }

    /** Call it once. @throws HandshakeException when this is not the hub's answer to message 1 */
    public Result finish(byte[] message2) throws HandshakeException {
        if (message2.length < MESSAGE2_MIN_BYTES || message2.length > MESSAGE_MAX_BYTES) {
            throw new HandshakeException("the handshake failed: its second message has a wrong length");
        }
        byte[] hubEphemeral = Arrays.copyOf(message2, KeyPair.KEY_BYTES);
        state.mixHash(hubEphemeral);
        state.mixKey(ephemeral.agree(hubEphemeral));
        state.mixKey(ours.agree(hubEphemeral));
        byte[] payload = state.decryptAndHash(Arrays.copyOfRange(message2, KeyPair.KEY_BYTES, message2.length));
        byte[][] keys = state.split();
        wipe();
        return new Result(payload, keys[0], keys[1]);
    }

    /** Gives up: zeros the ephemeral key. */
    public void wipe() {
        ephemeral.wipe();
    }

    byte[] handshakeHash() {
        return state.hash();
    }

    static byte[] concat(byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) length += part.length;
        byte[] all = new byte[length];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }
}
