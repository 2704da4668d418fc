package io.restunnel.node.policy;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which addresses the node may dial for its hubs. It is asked about every address after names are resolved, and the very value that it saw
 * is dialled. Of one thread. The tables are the TypeScript node's; both are tested with test/node/target-policy.json.
 */
public final class TargetPolicy {
    /**
     * The IANA special-purpose registry (RFC 6890), whole, though a few of its blocks are globally reachable (anycast for infrastructure,
     * no web lives there), and multicast.
     */
    private static final AddressRange[] REFUSED_IPV4 = AddressRange.all(
            "0.0.0.0/8", // this network
            "10.0.0.0/8", // private
            "100.64.0.0/10", // shared (carrier-grade NAT)
            "127.0.0.0/8", // loopback
            "169.254.0.0/16", // link-local, cloud metadata
            "172.16.0.0/12", // private
            "192.0.0.0/24", // IETF protocol assignments
            "192.0.2.0/24", // TEST-NET-1
            "192.31.196.0/24", // AS112-v4
            "192.52.193.0/24", // AMT
            "192.88.99.0/24", // 6to4 relay anycast
            "192.168.0.0/16", // private
            "192.175.48.0/24", // AS112 direct delegation
            "198.18.0.0/15", // benchmarking
            "198.51.100.0/24", // TEST-NET-2
            "203.0.113.0/24", // TEST-NET-3
            "224.0.0.0/4", // multicast
            "240.0.0.0/4"); // reserved, limited broadcast

    private static final AddressRange GLOBAL_IPV6 = AddressRange.of("2000::/3");
    private static final AddressRange[] REFUSED_IPV6 = AddressRange.all(
            "2001::/23", // IETF protocol assignments: Teredo, ORCHID, benchmarking, AMT, AS112, ...
            "2001:db8::/32", // documentation
            "2620:4f:8000::/48", // AS112 direct delegation
            "3fff::/20"); // documentation
    /** The IPv4 address is bits 16 to 47. */
    private static final AddressRange SIX_TO_FOUR = AddressRange.of("2002::/16");
    /** RFC 6052: the IPv4 address is the last 32 bits. */
    private static final AddressRange NAT64 = AddressRange.of("64:ff9b::/96");

    private final List<AllowRule> allow;
    private AddressSet own = AddressSet.EMPTY;
    private AddressSet hubs = AddressSet.EMPTY;
    private List<AddressRange> nat64 = new ArrayList<>();
    /** Where a hub sees this device come from: refused to that hub alone, so that one that lies closes nothing to the others. */
    private final Map<String, AddressSet> observedBy = new HashMap<>();

    public TargetPolicy(List<AllowRule> allow) {
        this.allow = allow;
    }

    public void setOwn(Collection<AddressRange> addresses) {
        own = new AddressSet(addresses);
    }

    public void setHubs(Collection<AddressRange> addresses) {
        hubs = new AddressSet(addresses);
    }

    /** @param prefixes of the network's own NAT64 */
    public void setNat64(List<AddressRange> prefixes) {
        nat64 = prefixes;
    }

    /** In place of what that hub said before. */
    public void setObserved(String hub, Collection<AddressRange> addresses) {
        observedBy.put(hub, new AddressSet(addresses));
    }

    public void forgetHub(String hub) {
        observedBy.remove(hub);
    }

    /**
     * May this address be dialled for a stream of this hub? An exception of the owner's goes before everything else; 6to4 and NAT64
     * addresses need one in their own spelling.
     */
    public boolean allows(IpAddress address, int port, String hub) {
        for (AllowRule rule : allow) if (rule.allows(address, port)) return true;
        AddressSet observed = observedBy.getOrDefault(hub, AddressSet.EMPTY);
        return !(address.isIpv6() ? refusesIpv6(address, observed) : refusesIpv4(address, observed));
    }

    private boolean refusesIpv4(IpAddress address, AddressSet observed) {
        return AddressRange.anyContains(REFUSED_IPV4, address) || isOurs(address, observed);
    }

    private boolean isOurs(IpAddress address, AddressSet observed) {
        return observed.contains(address) || own.contains(address) || hubs.contains(address);
    }

    private boolean refusesIpv6(IpAddress address, AddressSet observed) {
        if (isOurs(address, observed)) return true;
        if (NAT64.contains(address)) return refusesIpv4(IpAddress.ofIpv4((int) address.low), observed);
        for (AddressRange prefix : nat64) {
            if (!prefix.contains(address)) continue;
            if (refusesIpv4(IpAddress.ofIpv4(Nat64.ipv4In(address, prefix.bits)), observed)) return true;
            // A prefix of private addresses opens the translator's own alone; among public ones it opens nothing.
            if (!GLOBAL_IPV6.contains(address)) return !Nat64.isTranslated(address, prefix.bits);
        }
        if (!GLOBAL_IPV6.contains(address)) return true;
        if (SIX_TO_FOUR.contains(address)) return refusesIpv4(IpAddress.ofIpv4((int) (address.high >>> 16)), observed);
        return AddressRange.anyContains(REFUSED_IPV6, address);
    }
}
