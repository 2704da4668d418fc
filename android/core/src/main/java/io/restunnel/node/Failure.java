package io.restunnel.node;

import java.util.Locale;

/** Why something failed: a code and what it is about, for an app to say in its owner's language, and the same in English for a log. */
public final class Failure {
    public enum Code {
        // --- Pairing links ---
        LINK_OTHER_TRANSPORT("this device cannot pair with this link: it asks for the transport %s, and this version connects by plain TCP only"),
        LINK_OTHER_SCHEME("this is not a pairing link: it must begin with restunnel://"),
        LINK_TOO_LONG("this is not a pairing link: it is too long"),
        LINK_CUT_SHORT("this is not a pairing link: it has no ?k=…&t=… at its end; was it cut short?"),
        LINK_BAD_BRACKETS("this is not a pairing link: its IPv6 address needs brackets around it: [address]:port"),
        LINK_NO_PORT("this is not a pairing link: it has no port after the host"),
        LINK_BAD_PORT("this is not a pairing link: its port is not between 1 and 65535"),
        LINK_BAD_HOST("this is not a pairing link: its host is neither a name nor an IP address"),
        LINK_TWICE("this is not a pairing link: it has more than one parameter %s"),
        LINK_NO_KEY("this is not a pairing link: the key of the hub (k=) is missing"),
        LINK_NO_TOKEN("this is not a pairing link: the one-time token (t=) is missing"),
        LINK_BAD_KEY("this is not a pairing link: the key of the hub (k=) is damaged; copy the whole link again"),
        LINK_BAD_TOKEN("this is not a pairing link: the one-time token (t=) is damaged; copy the whole link again"),
        HUBS_FULL("this device is paired with %s hubs already; forget one of them first"),

        // --- What is stored, and options ---
        HUB_LIST_DAMAGED("the stored list of hubs is damaged (%s); restore it, or remove it and pair this device again"),
        KEY_DAMAGED("the stored key is damaged: it has %s bytes"),
        WRONG_OPTION("%s"),

        // --- A dial ---
        NAME_NOT_RESOLVED("the hub's name %s cannot be resolved"),
        CANNOT_CONNECT("cannot connect to the hub (%s)"),
        DIAL_TIMED_OUT("the hub does not answer the dial"),
        NOT_LET_IN("the hub gave no answer: this device is not paired with it (the link was used, has expired, or the device was revoked), or the "
                + "hub cannot look that up now; if it stays so, make a new link with restunnel pair"),
        NOT_A_HUB("the hub answered with something other than a handshake"),
        HANDSHAKE_FAILED("%s"),

        // --- A session ---
        HUB_CLOSED("the peer closed the connection"),
        CONNECTION_BROKE("the connection to the hub broke (%s)"),
        PROTOCOL_BROKEN("the hub broke the protocol: %s"),
        HUB_SILENT("the peer is silent"),
        HUB_DOES_NOT_READ("the peer does not read"),
        NO_FIRST_RECORD("the first record did not come in time"),
        SHARED_KEY("another device with the same key is connected to this hub, so this one waits; if one is a copy of the other, give it a key of "
                + "its own and pair it with a new link"),
        NETWORK_CHANGED("the network of this device changed"),
        ADDRESS_GONE("the address of this device has gone"),
        INTERNAL_ERROR("an internal error"),

        // --- The owner's doing ---
        PAIRED_ANEW("the hub was paired anew"),
        PAUSED("the owner paused this hub"),
        RESUMED("the owner resumed this hub"),
        FORGOTTEN("the hub was forgotten"),
        STOPPING("the node is stopping");

        private final String english;

        Code(String english) {
            this.english = english;
        }
    }

    public final Code code;
    /** What stands in the sentence: a host, a number, or words of the system's in English; '' when the code says it all. */
    public final String detail;

    public Failure(Code code) {
        this(code, "");
    }

    public Failure(Code code, Object detail) {
        this.code = code;
        this.detail = String.valueOf(detail);
    }

    /** In English. */
    public String sentence() {
        return String.format(Locale.ROOT, code.english, detail);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Failure && code == ((Failure) other).code && detail.equals(((Failure) other).detail);
    }

    @Override
    public int hashCode() {
        return code.hashCode() + detail.hashCode();
    }

    @Override
    public String toString() {
        return sentence();
    }
}
