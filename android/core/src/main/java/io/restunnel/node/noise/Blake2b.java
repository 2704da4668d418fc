package io.restunnel.node.noise;

import org.bouncycastle.crypto.digests.Blake2bDigest;

/** BLAKE2b (RFC 7693), and the HMAC and HKDF that Noise makes of it. */
final class Blake2b {
    static final int HASH_BYTES = 64;
    private static final int BLOCK_BYTES = 128;

    private Blake2b() {
    }

    /** Of all parts, one after another. */
    static byte[] hash(int bytes, byte[]... parts) {
        return finish(new Blake2bDigest(8 * bytes), parts);
    }

    /** BLAKE2b's own keyed mode. */
    static byte[] keyed(int bytes, byte[] key, byte[] data) {
        return finish(new Blake2bDigest(key, bytes, null, null), data);
    }

    private static byte[] finish(Blake2bDigest digest, byte[]... parts) {
        for (byte[] part : parts) digest.update(part, 0, part.length);
        byte[] hash = new byte[digest.getDigestSize()];
        digest.doFinal(hash, 0);
        return hash;
    }

    /** RFC 2104. The key is at most a block. */
    private static byte[] hmac(byte[] key, byte[]... parts) {
        byte[] inner = new byte[BLOCK_BYTES];
        byte[] outer = new byte[BLOCK_BYTES];
        for (int i = 0; i < BLOCK_BYTES; i++) {
            byte k = i < key.length ? key[i] : 0;
            inner[i] = (byte) (k ^ 0x36);
            outer[i] = (byte) (k ^ 0x5c);
        }
        byte[][] all = new byte[parts.length + 1][];
        all[0] = inner;
        System.arraycopy(parts, 0, all, 1, parts.length);
        return hash(HASH_BYTES, outer, hash(HASH_BYTES, all));
    }

    /** Noise's HKDF with two outputs of 64 bytes (revision 34, section 4.3). */
    static byte[][] hkdf(byte[] chainingKey, byte[] input) {
        byte[] temporary = hmac(chainingKey, input);
        byte[] first = hmac(temporary, new byte[] {1});
        byte[] second = hmac(temporary, first, new byte[] {2});
        return new byte[][] {first, second};
    }
}
