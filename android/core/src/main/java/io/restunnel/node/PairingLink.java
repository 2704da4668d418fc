package io.restunnel.node;

import io.restunnel.node.policy.HostName;
import io.restunnel.node.policy.IpAddress;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * restunnel://HOST:PORT/?k=KEY&amp;t=TOKEN: where a hub is, who it is, and a secret that pairs this device with it once. No message in here
 * repeats the link.
 */
public final class PairingLink {
    private static final String SCHEME = "restunnel://";
    /** Far above any real link. */
    private static final int MAX_CHARS = 1_024;
    private static final int KEY_BYTES = 32;
    private static final Pattern PORT = Pattern.compile(":[0-9]{1,5}");
    private static final Pattern OTHER_TRANSPORT = Pattern.compile("(?i)restunnel\\+([a-z0-9.-]{1,16})://");

    /** A DNS name or an IP literal, without brackets. */
    public final String host;
    public final int port;
    private final byte[] hubPublicKey;
    private final byte[] token;

    private PairingLink(String host, int port, byte[] hubPublicKey, byte[] token) {
        this.host = host;
        this.port = port;
        this.hubPublicKey = hubPublicKey;
        this.token = token;
    }

    /**
     * White space around the link and parameters that are not known are ignored.
     *
     * @throws UserException naming the part that is wrong
     */
    public static PairingLink parse(String text) throws UserException {
        String link = text.trim();
        if (link.length() > MAX_CHARS) throw wrong(Failure.Code.LINK_TOO_LONG);
        if (!link.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) throw otherScheme(link);
        int queryAt = link.indexOf('?');
        if (queryAt == -1) throw wrong(Failure.Code.LINK_CUT_SHORT);
        String authority = link.substring(SCHEME.length(), queryAt);
        if (authority.endsWith("/")) authority = authority.substring(0, authority.length() - 1);

        boolean bracketed = authority.startsWith("[");
        int hostEnd = bracketed ? authority.indexOf(']') : authority.lastIndexOf(':');
        if (bracketed && hostEnd == -1) throw wrong(Failure.Code.LINK_BAD_BRACKETS);
        String host = authority.substring(bracketed ? 1 : 0, Math.max(hostEnd, 0));
        String portText = hostEnd == -1 ? "" : authority.substring(bracketed ? hostEnd + 1 : hostEnd);
        if (!bracketed && host.indexOf(':') != -1) throw wrong(Failure.Code.LINK_BAD_BRACKETS);
        if (!PORT.matcher(portText).matches()) throw wrong(Failure.Code.LINK_NO_PORT);
        IpAddress address = IpAddress.parse(host);
        if (bracketed && (address == null || !address.isIpv6())) throw wrong(Failure.Code.LINK_BAD_HOST);
        checkHost(host, address);
        int port = Integer.parseInt(portText.substring(1));
        if (port < 1 || port > 65_535) throw wrong(Failure.Code.LINK_BAD_PORT);

        String query = link.substring(queryAt + 1);
        return new PairingLink(host, port, bytes(query, "k", Failure.Code.LINK_NO_KEY, Failure.Code.LINK_BAD_KEY),
                bytes(query, "t", Failure.Code.LINK_NO_TOKEN, Failure.Code.LINK_BAD_TOKEN));
    }

    /** restunnel+wss:// and the like are links of a hub's that this version cannot follow. */
    private static UserException otherScheme(String link) {
        Matcher transport = OTHER_TRANSPORT.matcher(link);
        return transport.lookingAt() ? new UserException(Failure.Code.LINK_OTHER_TRANSPORT, transport.group(1).toLowerCase(Locale.ROOT))
                : wrong(Failure.Code.LINK_OTHER_SCHEME);
    }

    private static void checkHost(String host, IpAddress address) throws UserException {
        if (address == null && !HostName.isValid(host)) throw wrong(Failure.Code.LINK_BAD_HOST);
    }

    private static byte[] bytes(String query, String name, Failure.Code missing, Failure.Code damaged) throws UserException {
        String value = null;
        for (String part : query.split("&")) {
            if (!part.equals(name) && !part.startsWith(name + "=")) continue;
            if (value != null) throw new UserException(Failure.Code.LINK_TWICE, name);
            value = part.equals(name) ? "" : part.substring(name.length() + 1);
        }
        if (value == null || value.isEmpty()) throw wrong(missing);
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(value);
        } catch (IllegalArgumentException notBase64) {
            bytes = new byte[0];
        }
        // Only what encodes back to the same text is the real thing.
        if (bytes.length != KEY_BYTES || !base64url(bytes).equals(value)) throw wrong(damaged);
        return bytes;
    }

    /** 32 bytes, a copy. */
    public byte[] hubPublicKey() {
        return hubPublicKey.clone();
    }

    /** What the other calls of {@link ExitNode} know the hub by. */
    public String hubPublicKeyText() {
        return base64url(hubPublicKey);
    }

    /**
     * For the owner to compare with the hub's own: the first 16 of the key's base64url characters, in groups of 4.
     */
    public String fingerprint() {
        String text = hubPublicKeyText();
        return text.substring(0, 4) + " " + text.substring(4, 8) + " " + text.substring(8, 12) + " " + text.substring(12, 16);
    }

    /** 32 bytes, a copy. A secret. */
    public byte[] token() {
        return token.clone();
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof PairingLink)) return false;
        PairingLink that = (PairingLink) other;
        return host.equals(that.host) && port == that.port && Arrays.equals(hubPublicKey, that.hubPublicKey)
                && Arrays.equals(token, that.token);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(hubPublicKey);
    }

    /** Without the secret. */
    @Override
    public String toString() {
        return "pairing link of " + (host.indexOf(':') == -1 ? host : "[" + host + "]") + ":" + port;
    }

    private static String base64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static UserException wrong(Failure.Code why) {
        return new UserException(new Failure(why));
    }
}
