package io.restunnel.app.screen;

import android.content.Context;
import io.restunnel.app.R;
import io.restunnel.node.Failure;
import io.restunnel.node.UserException;

/** The core's failures in the owner's language. */
final class FailureWording {
    private FailureWording() {
    }

    static String of(Context context, Failure failure) {
        // Where the sentence has no place for the detail, it is left out.
        return context.getString(sentenceOf(failure.code), failure.detail);
    }

    /** What no code speaks of is said in the system's own words. */
    static String of(Context context, Exception cause) {
        Failure failure = cause instanceof UserException ? ((UserException) cause).failure : null;
        return failure == null ? String.valueOf(cause.getMessage()) : of(context, failure);
    }

    private static int sentenceOf(Failure.Code code) {
        switch (code) {
            case LINK_OTHER_TRANSPORT:
                return R.string.why_link_other_transport;
            case LINK_OTHER_SCHEME:
                return R.string.why_link_other_scheme;
            case LINK_CUT_SHORT:
            case LINK_NO_KEY:
            case LINK_NO_TOKEN:
                return R.string.why_link_cut_short;
            case LINK_BAD_BRACKETS:
            case LINK_NO_PORT:
            case LINK_BAD_PORT:
            case LINK_BAD_HOST:
                return R.string.why_link_bad_address;
            case LINK_TOO_LONG:
            case LINK_TWICE:
            case LINK_BAD_KEY:
            case LINK_BAD_TOKEN:
                return R.string.why_link_damaged;
            case HUBS_FULL:
                return R.string.why_hubs_full;
            case HUB_LIST_DAMAGED:
            case KEY_DAMAGED:
            case WRONG_OPTION:
                return R.string.why_storage_damaged;
            case NAME_NOT_RESOLVED:
                return R.string.why_not_resolved;
            case CANNOT_CONNECT:
                return R.string.why_cannot_connect;
            case DIAL_TIMED_OUT:
                return R.string.why_dial_timed_out;
            case NOT_LET_IN:
                return R.string.why_not_let_in;
            case NOT_A_HUB:
                return R.string.why_not_a_hub;
            case HANDSHAKE_FAILED:
                return R.string.why_handshake;
            case HUB_CLOSED:
                return R.string.why_hub_closed;
            case CONNECTION_BROKE:
                return R.string.why_broke;
            case PROTOCOL_BROKEN:
                return R.string.why_protocol;
            case HUB_SILENT:
            case HUB_DOES_NOT_READ:
            case NO_FIRST_RECORD:
                return R.string.why_hub_silent;
            case SHARED_KEY:
                return R.string.why_shared_key;
            case NETWORK_CHANGED:
            case ADDRESS_GONE:
                return R.string.why_network_changed;
            case INTERNAL_ERROR:
                return R.string.why_internal;
            default:
                return R.string.why_owner;
        }
    }
}
