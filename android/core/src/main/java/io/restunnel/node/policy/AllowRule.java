package io.restunnel.node.policy;

import io.restunnel.node.Failure;
import io.restunnel.node.UserException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * CIDR[:PORTS], the owner's exception from the target policy: 10.0.0.0/8, 127.0.0.1, 127.0.0.1:80,8000-9000, ::1/128, [::1]/128:80,
 * [::1]:80. Immutable.
 */
public final class AllowRule {
    private static final Pattern BRACKETED = Pattern.compile("\\[([^\\]/]*)\\](?:/([^:]*))?(?::(.*))?");
    private static final Pattern IPV4 = Pattern.compile("([^:/\\[\\]]*)(?:/([^:]*))?(?::([^:]*))?");
    private static final Pattern IPV6 = Pattern.compile("([^/\\[\\]]*)(?:/([^:]*))?");
    private static final Pattern PORT = Pattern.compile("[1-9][0-9]{0,4}");

    private final AddressRange range;
    /** First and last, both included. None: every port. */
    private final List<int[]> ports;

    private AllowRule(AddressRange range, List<int[]> ports) {
        this.range = range;
        this.ports = ports;
    }

    public static AllowRule parse(String text) throws UserException {
        for (Pattern form : new Pattern[] {BRACKETED, IPV4, IPV6}) {
            Matcher parts = form.matcher(text);
            if (!parts.matches()) continue;
            // Brackets are for IPv6.
            if (form == BRACKETED && parts.group(1).indexOf(':') == -1) break;
            AddressRange range = AddressRange.parse(parts.group(2) == null ? parts.group(1) : parts.group(1) + "/" + parts.group(2));
            List<int[]> ports = form == IPV6 || parts.group(3) == null ? new ArrayList<>() : parsePorts(parts.group(3));
            if (range == null || ports == null) break;
            return new AllowRule(range, ports);
        }
        throw new UserException(Failure.Code.WRONG_OPTION,
                "\"" + text + "\" is not an address range; write for example 10.0.0.0/8, 127.0.0.1:80,8000-9000 or [::1]/128:80");
    }

    /** Null: unreadable. */
    private static List<int[]> parsePorts(String text) {
        List<int[]> ports = new ArrayList<>();
        for (String item : text.split(",", -1)) {
            String[] ends = item.split("-", -1);
            int first = port(ends[0]);
            int last = port(ends[ends.length - 1]);
            if (ends.length > 2 || first == 0 || last < first) return null;
            ports.add(new int[] {first, last});
        }
        return ports;
    }

    /** 0: none. */
    private static int port(String text) {
        int port = PORT.matcher(text).matches() ? Integer.parseInt(text) : 0;
        return port > 65_535 ? 0 : port;
    }

    boolean allows(IpAddress address, int port) {
        if (!range.contains(address)) return false;
        if (ports.isEmpty()) return true;
        for (int[] ends : ports) if (port >= ends[0] && port <= ends[1]) return true;
        return false;
    }
}
