package io.restunnel.app.node;

import io.restunnel.app.network.NetworkChoice;
import io.restunnel.app.settings.Settings;

/** What keeps the node from serving, the owner's own word first. */
public enum Hold {
    NOTHING,
    PAUSED,
    NOT_CHARGING,
    MOBILE_DATA_SPENT,
    NETWORK_NOT_ALLOWED,
    NO_NETWORK;

    /** @param charging null: not known, which is no reason to stop */
    static Hold of(Settings settings, Boolean charging, NetworkChoice choice) {
        if (settings.paused()) return PAUSED;
        if (settings.onlyWhileCharging() && Boolean.FALSE.equals(charging)) return NOT_CHARGING;
        switch (choice.why) {
            case CHOSEN:
                return NOTHING;
            case MOBILE_DATA_SPENT:
                return MOBILE_DATA_SPENT;
            case NONE_IS_ALLOWED:
                return NETWORK_NOT_ALLOWED;
            default:
                return NO_NETWORK;
        }
    }

    /** Whether hubs hear a goodbye. What a network is wanting for, the node waits for by itself. */
    boolean pausesHubs() {
        return this == PAUSED || this == NOT_CHARGING;
    }
}
