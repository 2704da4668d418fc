package io.restunnel.node.policy;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Addresses of this device or of its hubs, and the networks they are in, to be refused on every port. Immutable. */
public final class AddressSet {
    public static final AddressSet EMPTY = new AddressSet(new ArrayList<>());
    /** RFC 4291, section 2.5.1: a network of hosts is a /64. */
    private static final int NETWORK_BITS = 64;

    private final Set<IpAddress> addresses = new HashSet<>();
    private final AddressRange[] networks;

    /** The addresses, and of IPv4 no more than one each. */
    public AddressSet(Collection<AddressRange> ranges) {
        List<AddressRange> wide = new ArrayList<>();
        for (AddressRange range : ranges) {
            if (range.bits == 128) addresses.add(range.address);
            else wide.add(range);
        }
        networks = wide.toArray(new AddressRange[0]);
    }

    /**
     * What counts as the device itself at one address: it, and of IPv6 its network too, at least the /64: DHCPv6 gives an interface a /128
     * (RFC 5942), and its neighbours are on the link all the same. A public IPv4 address says nothing about its neighbours.
     *
     * @param prefixBits of the interface, 0 to 128 for IPv6
     */
    public static List<AddressRange> withNetwork(IpAddress address, int prefixBits) {
        List<AddressRange> ranges = new ArrayList<>();
        ranges.add(new AddressRange(address, 128));
        if (address.isIpv6()) ranges.add(new AddressRange(address, Math.min(prefixBits, NETWORK_BITS)));
        return ranges;
    }

    boolean contains(IpAddress address) {
        return addresses.contains(address) || AddressRange.anyContains(networks, address);
    }
}
