package io.restunnel.node.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The prefixes by which a network's NAT64 reaches IPv4, as on most mobile networks: found in its answer for ipv4only.arpa (RFC 7050), and
 * the IPv4 address in one of their addresses (RFC 6052).
 */
public final class Nat64 {
    /** Every network answers for it, one with NAT64 and DNS64 with IPv6 addresses. */
    public static final String IPV4_ONLY_NAME = "ipv4only.arpa";
    /** 192.0.0.170 and 192.0.0.171. */
    private static final List<Integer> IPV4_ONLY = Arrays.asList(0xc00000aa, 0xc00000ab);
    private static final int[] PREFIX_BITS = {96, 64, 56, 48, 40, 32};
    /** Where a network may have a prefix of its own: global unicast, unique local (RFC 4193), local-use translation (RFC 8215). */
    private static final AddressRange[] PREFIXES_IN = AddressRange.all("2000::/3", "fc00::/7", "64:ff9b:1::/48");

    private Nat64() {
    }

    /** The IPv4 address in an address of a prefix. Bits 64 to 71 are never part of it. */
    static int ipv4In(IpAddress address, int prefixBits) {
        byte[] bytes = address.toBytes();
        int ipv4 = 0;
        for (int at = prefixBits / 8, taken = 0; taken < 4; at++) {
            if (at == 8) continue;
            ipv4 = ipv4 << 8 | bytes[at] & 0xff;
            taken++;
        }
        return ipv4;
    }

    /** Whether the address has nothing besides the prefix and the IPv4 address, as a translator makes it. */
    static boolean isTranslated(IpAddress address, int prefixBits) {
        if (prefixBits == 96) return true;
        byte[] bytes = address.toBytes();
        for (int at = prefixBits / 8 + 5; at < 16; at++) if (bytes[at] != 0) return false;
        return bytes[8] == 0;
    }

    /** @param answers for IPV4_ONLY_NAME. Those that no translator makes are left out */
    public static List<AddressRange> prefixesIn(List<IpAddress> answers) {
        List<AddressRange> prefixes = new ArrayList<>();
        for (IpAddress answer : answers) {
            if (!answer.isIpv6() || !AddressRange.anyContains(PREFIXES_IN, answer)) continue;
            for (int bits : PREFIX_BITS) {
                if (!IPV4_ONLY.contains(ipv4In(answer, bits)) || !isTranslated(answer, bits)) continue;
                byte[] bytes = answer.toBytes();
                Arrays.fill(bytes, bits / 8, bytes.length, (byte) 0);
                AddressRange prefix = new AddressRange(IpAddress.ofBytes(bytes, 0, bytes.length), bits);
                if (!prefixes.contains(prefix)) prefixes.add(prefix);
            }
        }
        return prefixes;
    }
}
