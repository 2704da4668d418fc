package io.restunnel.node.policy;

import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * An IPv4 or IPv6 address as a value of 128 bits. IPv4 is kept as its IPv4-mapped address, ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2): the
 * kernel dials both by IPv4, so one destination has one value. Never from a name.
 */
public final class IpAddress {
    private static final long MAPPED = 0xffffL << 32;
    private static final int IPV6_GROUPS = 8;

    /** The first and the last eight bytes. */
    public final long high;
    public final long low;

    public IpAddress(long high, long low) {
        this.high = high;
        this.low = low;
    }

    public static IpAddress ofIpv4(int address) {
        return new IpAddress(0, MAPPED | (address & 0xffff_ffffL));
    }

    /** 4 or 16 bytes in network order. */
    public static IpAddress ofBytes(byte[] bytes, int at, int length) {
        if (length == 4) return ofIpv4((int) number(bytes, at, 4));
        return new IpAddress(number(bytes, at, 8), number(bytes, at + 8, 8));
    }

    public static IpAddress of(InetAddress address) {
        return of(address.getAddress());
    }

    /** @param bytes 4 or 16 */
    public static IpAddress of(byte[] bytes) {
        return ofBytes(bytes, 0, bytes.length);
    }

    /**
     * A strict literal without brackets: four decimal octets without leading zeros, or RFC 4291 section 2.2. Hex, octal, short forms and
     * zones (fe80::1%eth0) are none. Null when the text is no such literal.
     */
    public static IpAddress parse(String text) {
        if (text.indexOf(':') == -1) {
            long ipv4 = parseIpv4(text);
            return ipv4 < 0 ? null : ofIpv4((int) ipv4);
        }
        return parseIpv6(text);
    }

    /** A u32, or -1. A leading zero reads as octal to some and as decimal to others: refused. */
    private static long parseIpv4(String text) {
        long address = 0;
        int octet = -1;
        int dots = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '.') {
                if (octet < 0 || ++dots > 3) return -1;
                address = address << 8 | octet;
                octet = -1;
            } else {
                if (c < '0' || c > '9' || octet == 0) return -1;
                octet = (octet < 0 ? 0 : octet * 10) + c - '0';
                if (octet > 255) return -1;
            }
        }
        return dots == 3 && octet >= 0 ? address << 8 | octet : -1;
    }

    /** RFC 4291 section 2.2, all three forms. */
    private static IpAddress parseIpv6(String text) {
        int gapAt = text.indexOf("::");
        if (gapAt != -1 && text.indexOf("::", gapAt + 1) != -1) return null;
        int[] groups = new int[IPV6_GROUPS];
        if (gapAt == -1) {
            return parseGroups(text, groups, true) == IPV6_GROUPS ? join(groups) : null;
        }
        int[] tail = new int[IPV6_GROUPS];
        int before = gapAt == 0 ? 0 : parseGroups(text.substring(0, gapAt), groups, false);
        String rest = text.substring(gapAt + 2);
        int after = rest.isEmpty() ? 0 : parseGroups(rest, tail, true);
        // "::" stands for at least one group.
        if (before < 0 || after < 0 || before + after >= IPV6_GROUPS) return null;
        System.arraycopy(tail, 0, groups, IPV6_GROUPS - after, after);
        return join(groups);
    }

    /** How many groups the text holds, or -1. Only at the end of an address may a dotted quad stand. */
    private static int parseGroups(String text, int[] groups, boolean isEnd) {
        String[] parts = text.split(":", -1);
        int count = 0;
        for (int i = 0; i < parts.length; i++) {
            boolean isQuad = isEnd && i == parts.length - 1 && parts[i].indexOf('.') != -1;
            if (count + (isQuad ? 2 : 1) > IPV6_GROUPS) return -1;
            long value = isQuad ? parseIpv4(parts[i]) : parseGroup(parts[i]);
            if (value < 0) return -1;
            if (isQuad) groups[count++] = (int) (value >>> 16);
            groups[count++] = (int) value & 0xffff;
        }
        return count;
    }

    /** One to four hex digits, or -1. */
    private static int parseGroup(String text) {
        if (text.isEmpty() || text.length() > 4) return -1;
        int value = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int digit = c > 'f' ? -1 : Character.digit(c, 16);
            if (digit < 0) return -1;
            value = value << 4 | digit;
        }
        return value;
    }

    private static IpAddress join(int[] groups) {
        long high = 0;
        long low = 0;
        for (int i = 0; i < 4; i++) {
            high = high << 16 | groups[i];
            low = low << 16 | groups[i + 4];
        }
        return new IpAddress(high, low);
    }

    public boolean isIpv6() {
        return high != 0 || low >>> 32 != 0xffff;
    }

    /** All of an IPv4 address. */
    public int ipv4() {
        return (int) low;
    }

    /** 0.0.0.0 or ::, which stand for every address of the machine. */
    public boolean isWildcard() {
        return high == 0 && (low == 0 || low == MAPPED);
    }

    /** Whether the first bits of the 128 are those of another. */
    public boolean hasPrefix(IpAddress other, int bits) {
        if (bits <= 64) return bits == 0 || (high ^ other.high) >>> (64 - bits) == 0;
        return high == other.high && (bits == 64 || (low ^ other.low) >>> (128 - bits) == 0);
    }

    /** 4 or 16 bytes in network order. */
    public byte[] toBytes() {
        byte[] bytes = new byte[isIpv6() ? 16 : 4];
        for (int i = 0; i < bytes.length; i++) {
            int fromEnd = bytes.length - 1 - i;
            bytes[i] = (byte) (fromEnd < 8 ? low >>> 8 * fromEnd : high >>> 8 * (fromEnd - 8));
        }
        return bytes;
    }

    /** For a socket. No name is resolved. */
    public InetAddress toInetAddress() {
        try {
            return InetAddress.getByAddress(toBytes());
        } catch (UnknownHostException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof IpAddress && high == ((IpAddress) other).high && low == ((IpAddress) other).low;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(high * 31 + low);
    }

    /** The one spelling: a dotted quad for IPv4, RFC 5952 for IPv6. No brackets. */
    @Override
    public String toString() {
        if (!isIpv6()) {
            int address = ipv4();
            return (address >>> 24) + "." + (address >>> 16 & 255) + "." + (address >>> 8 & 255) + "." + (address & 255);
        }
        int[] groups = new int[IPV6_GROUPS];
        for (int i = 0; i < 4; i++) {
            groups[i] = (int) (high >>> 48 - 16 * i) & 0xffff;
            groups[i + 4] = (int) (low >>> 48 - 16 * i) & 0xffff;
        }
        int runAt = -1;
        int runLength = 1;
        for (int i = 0; i < IPV6_GROUPS; i++) {
            int length = 0;
            while (i + length < IPV6_GROUPS && groups[i + length] == 0) length++;
            if (length > runLength) {
                runAt = i;
                runLength = length;
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < IPV6_GROUPS; i++) {
            if (i == runAt) {
                text.append("::");
                i += runLength - 1;
                continue;
            }
            if (i > 0 && i != runAt + runLength) text.append(':');
            text.append(Integer.toHexString(groups[i]));
        }
        return text.toString();
    }

    private static long number(byte[] bytes, int at, int length) {
        long value = 0;
        for (int i = 0; i < length; i++) value = value << 8 | bytes[at + i] & 0xff;
        return value;
    }
}
