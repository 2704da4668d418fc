package io.restunnel.app.network;

import java.util.Collection;

/** Decides which network the node uses. Pure. */
public final class NetworkChoice {
    public enum Why {
        /** There is a network, and the node uses it. */
        CHOSEN,
        /** The phone has no network at all. */
        NONE_IS_UP,
        /** What is up is not what the owner allows. */
        NONE_IS_ALLOWED,
        /** Only the month's mobile data, which is used up, stands in the way. */
        MOBILE_DATA_SPENT,
    }

    public final Why why;
    /** Null unless CHOSEN. */
    public final NetworkFacts network;

    private NetworkChoice(Why why, NetworkFacts network) {
        this.why = why;
        this.network = network;
    }

    /**
     * The phone's own network first: it is validated, and a VPN of the owner's stays in force. Then any other that is allowed.
     *
     * @param own         the one that the phone uses itself; null: none
     * @param others      all that are up; may hold own
     * @param mobileSpent the month's mobile data is used up
     */
    public static NetworkChoice of(NetworkFacts own, Collection<NetworkFacts> others, NetworkUse use, boolean mobileSpent) {
        NetworkFacts best = best(own, others, use, !mobileSpent);
        if (best != null) return new NetworkChoice(Why.CHOSEN, best);
        if (own == null && others.isEmpty()) return new NetworkChoice(Why.NONE_IS_UP, null);
        boolean onlyForTheLimit = mobileSpent && best(own, others, use, true) != null;
        return new NetworkChoice(onlyForTheLimit ? Why.MOBILE_DATA_SPENT : Why.NONE_IS_ALLOWED, null);
    }

    private static NetworkFacts best(NetworkFacts own, Collection<NetworkFacts> others, NetworkUse use, boolean mayUseMobile) {
        boolean allowsMobile = use != NetworkUse.WIFI && mayUseMobile;
        boolean allowsOthers = use != NetworkUse.MOBILE;
        if (own != null && own.isAllowed(allowsMobile, allowsOthers)) return own;
        NetworkFacts best = null;
        for (NetworkFacts network : others) {
            if (!network.isAllowed(allowsMobile, allowsOthers)) continue;
            // Of two, the one without a price; of two alike, the older.
            if (best == null || (best.mobile && !network.mobile)) best = network;
        }
        return best;
    }
}
