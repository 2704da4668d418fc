package io.restunnel.node.wire;

import io.restunnel.node.policy.IpAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Where a datagram goes to or comes from: type u8, address, port u16. SOCKS5 (RFC 1928, section 7) has the same bytes. */
public final class DatagramAddress {
    public static final int IPV4 = 1;
    public static final int NAME = 3;
    public static final int IPV6 = 4;
    /** Type, sixteen bytes of IPv6, port. */
    public static final int MAX_BYTES = 1 + 16 + 2;

    private DatagramAddress() {
    }

    /** The length of the header; 0 when it is malformed: cut, an unknown type, a name that is empty or not printable ASCII, port 0. */
    public static int headerBytes(ByteBuffer bytes, int start, int length) {
        if (length < 2) return 0;
        int end = start + length;
        int addressAt = start + 1;
        int addressBytes;
        switch (bytes.get(start)) {
            case IPV4:
                addressBytes = 4;
                break;
            case IPV6:
                addressBytes = 16;
                break;
            case NAME:
                addressBytes = bytes.get(addressAt++) & 0xff;
                break;
            default:
                return 0;
        }
        int portAt = addressAt + addressBytes;
        if (addressBytes == 0 || portAt + 2 > end || bytes.getShort(portAt) == 0) return 0;
        if (bytes.get(start) == NAME) {
            for (int at = addressAt; at < portAt; at++) if (bytes.get(at) <= 0x20 || bytes.get(at) == 0x7f) return 0;
        }
        return portAt + 2 - start;
    }

    public static boolean isName(ByteBuffer bytes, int start) {
        return bytes.get(start) == NAME;
    }

    /** Of a well-formed header with a name. */
    public static String name(ByteBuffer bytes, int start) {
        return new String(Frame.copy(bytes, start + 2, bytes.get(start + 1) & 0xff), StandardCharsets.US_ASCII);
    }

    /** Of a well-formed header without a name. */
    public static IpAddress address(ByteBuffer bytes, int start) {
        return IpAddress.of(Frame.copy(bytes, start + 1, bytes.get(start) == IPV4 ? 4 : 16));
    }

    public static int port(ByteBuffer bytes, int start, int headerBytes) {
        return bytes.getShort(start + headerBytes - 2) & 0xffff;
    }

    public static byte[] header(IpAddress address, int port) {
        byte[] raw = address.toBytes();
        byte[] header = new byte[1 + raw.length + 2];
        header[0] = (byte) (raw.length == 4 ? IPV4 : IPV6);
        System.arraycopy(raw, 0, header, 1, raw.length);
        header[header.length - 2] = (byte) (port >>> 8);
        header[header.length - 1] = (byte) port;
        return header;
    }
}
