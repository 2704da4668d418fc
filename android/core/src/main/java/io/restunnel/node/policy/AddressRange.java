package io.restunnel.node.policy;

import java.util.regex.Pattern;

/** An address with a prefix length: 10.0.0.0/8, ::1/128. Bits behind the prefix are ignored. Immutable. */
public final class AddressRange {
    private static final Pattern BITS = Pattern.compile("0|[1-9][0-9]{0,2}");

    final IpAddress address;
    /** Of the 128 bits, how many count: in a range of IPv4 96 and more. */
    final int bits;
    private final boolean isIpv6;

    public AddressRange(IpAddress address, int bits) {
        this.address = address;
        this.bits = bits;
        // A range inside ::ffff:0:0/96 is one of IPv4.
        this.isIpv6 = address.isIpv6() || bits < 96;
    }

    /** ADDRESS or ADDRESS/BITS. Null for any other text. */
    public static AddressRange parse(String text) {
        int slash = text.indexOf('/');
        String literal = slash == -1 ? text : text.substring(0, slash);
        IpAddress address = IpAddress.parse(literal);
        if (address == null) return null;
        int most = literal.indexOf(':') == -1 ? 32 : 128;
        if (slash == -1) return new AddressRange(address, 128);
        String bits = text.substring(slash + 1);
        if (!BITS.matcher(bits).matches() || Integer.parseInt(bits) > most) return null;
        return new AddressRange(address, Integer.parseInt(bits) + 128 - most);
    }

    /** As parse(), for text that must be a range. */
    public static AddressRange of(String text) {
        AddressRange range = parse(text);
        if (range == null) throw new IllegalArgumentException("not an address range: " + text);
        return range;
    }

    public boolean contains(IpAddress other) {
        return isIpv6 == other.isIpv6() && other.hasPrefix(address, bits);
    }

    static AddressRange[] all(String... texts) {
        AddressRange[] ranges = new AddressRange[texts.length];
        for (int i = 0; i < texts.length; i++) ranges[i] = of(texts[i]);
        return ranges;
    }

    static boolean anyContains(AddressRange[] ranges, IpAddress address) {
        for (AddressRange range : ranges) if (range.contains(address)) return true;
        return false;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AddressRange && address.equals(((AddressRange) other).address) && bits == ((AddressRange) other).bits;
    }

    @Override
    public int hashCode() {
        return address.hashCode() * 31 + bits;
    }

    @Override
    public String toString() {
        return address + "/" + (address.isIpv6() ? bits : bits - 96);
    }
}
