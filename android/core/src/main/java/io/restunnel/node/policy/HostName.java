package io.restunnel.node.policy;

import java.util.Locale;
import java.util.regex.Pattern;

/** The target host of a stream, or the host of a hub, as text: is it a name worth resolving? */
public final class HostName {
    /** DNS (RFC 1035 section 2.3.4), without the trailing dot. */
    private static final int MAX_CHARS = 253;
    private static final int LABEL_MAX_CHARS = 63;
    /** The WHATWG URL standard's forbidden domain code points above the space; a name with one of them is no host anywhere. */
    private static final String FORBIDDEN = "#%/:<>?@[\\]^|\u007f";
    private static final Pattern LABEL = Pattern.compile("[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?");
    private static final Pattern DIGITS_AND_DOTS = Pattern.compile("[0-9.]+");

    private HostName() {
    }

    /** Whether a pairing link may have it: letters, digits, hyphens, and not only digits and dots, which would be an address. */
    public static boolean isValid(String host) {
        if (host.isEmpty() || host.length() > 255 || DIGITS_AND_DOTS.matcher(host).matches()) return false;
        String name = host.endsWith(".") ? host.substring(0, host.length() - 1) : host;
        for (String label : name.split("\\.", -1)) {
            if (!LABEL.matcher(label).matches()) return false;
        }
        return true;
    }

    /** fe80::1%eth0: an address of one link of this device, which nobody far away has a use for. */
    public static boolean isZonedLiteral(String host) {
        int percent = host.indexOf('%');
        return percent > 0 && IpAddress.parse(host.substring(0, percent)) != null;
    }

    /**
     * A printable ASCII name in the form it is resolved and remembered under: lower case, no trailing dot. Null when it is no name: longer
     * than 253 characters, a label empty or longer than 63, a delimiter of URLs in it.
     */
    public static String targetName(String host) {
        String name = host.endsWith(".") ? host.substring(0, host.length() - 1) : host;
        if (name.isEmpty() || name.length() > MAX_CHARS) return null;
        int labelChars = 0;
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c == '.') {
                if (labelChars == 0) return null;
                labelChars = 0;
            } else if (c <= 0x20 || c > 0x7f || FORBIDDEN.indexOf(c) != -1 || ++labelChars > LABEL_MAX_CHARS) {
                return null;
            }
        }
        return labelChars == 0 ? null : name.toLowerCase(Locale.ROOT);
    }
}
