package io.restunnel.node.noise;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The encrypted payload of the first message. */
public final class Message1 {
    static final int VERSION = 1;
    public static final int NAME_MAX_BYTES = 64;
    public static final int TOKEN_BYTES = 32;
    private static final int FIXED_BYTES = Timestamp.BYTES + 1 + 4 + 1 + 2;
    private static final int FRAME_HEADER_BYTES = 9;
    private static final int ENROLL = 0x01;

    private Message1() {
    }

    /**
     * @param lane         which of this node's parallel sessions with the hub
     * @param token        of a pairing not yet carried out, 32 bytes, or null
     * @param deviceName   at most 64 bytes of UTF-8; goes with the token
     * @param paddingBytes hide what the frames are
     */
    public static byte[] encode(Timestamp timestamp, int lane, byte[] token, String deviceName, int paddingBytes) {
        byte[] name = token == null ? new byte[0] : deviceName.getBytes(StandardCharsets.UTF_8);
        int enrollBytes = token == null ? 0 : TOKEN_BYTES + name.length;
        int framesBytes = token == null ? 0 : FRAME_HEADER_BYTES + enrollBytes;
        ByteBuffer payload = ByteBuffer.allocate(FIXED_BYTES + framesBytes + paddingBytes);
        payload.put(timestamp.toBytes()).put((byte) VERSION).putInt(Capabilities.OFFERED).put((byte) lane);
        payload.putShort((short) framesBytes);
        if (token != null) payload.put((byte) ENROLL).putInt(0).putInt(enrollBytes).put(token).put(name);
        return payload.array();
    }

    /** As much of a device's name as fits, cut between characters. */
    public static String fitName(String name) {
        StringBuilder fitted = new StringBuilder();
        int bytes = 0;
        for (int i = 0; i < name.length();) {
            int character = name.codePointAt(i);
            i += Character.charCount(character);
            // Half of a pair has no UTF-8.
            if (character >= 0xd800 && character <= 0xdfff) continue;
            String text = new String(Character.toChars(character));
            bytes += text.getBytes(StandardCharsets.UTF_8).length;
            if (bytes > NAME_MAX_BYTES) break;
            fitted.append(text);
        }
        return fitted.toString();
    }
}
