package io.restunnel.node.policy;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.restunnel.node.TestFiles;
import io.restunnel.node.UserException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** The table that the TypeScript node's policy is tested with: test/node/target-policy.json. */
public class TargetPolicyTest {
    private static final String HUB = "a";
    private final Map<String, Object> table;
    private final TargetPolicy plain = new TargetPolicy(Collections.emptyList());

    public TargetPolicyTest() throws Exception {
        table = TestFiles.json("node/target-policy.json");
    }

    private static String verdict(TargetPolicy policy, String text, int port, String hub) {
        IpAddress address = IpAddress.parse(text);
        return address != null && policy.allows(address, port, hub) ? "ok" : "refused";
    }

    private static List<String> texts(Object list) {
        List<String> texts = new ArrayList<>();
        for (Object each : (List<?>) list) texts.add((String) each);
        return texts;
    }

    private static List<AddressRange> ranges(Object list) {
        List<AddressRange> ranges = new ArrayList<>();
        for (String text : texts(list)) ranges.add(AddressRange.of(text));
        return ranges;
    }

    private static void check(TargetPolicy policy, Object cases) {
        for (Object each : (List<?>) cases) {
            List<?> one = (List<?>) each;
            assertEquals((String) one.get(0), one.get(1), verdict(policy, (String) one.get(0), 80, HUB));
        }
    }

    @Test
    public void refusesTheRegistryAtBothEnds() {
        List<String> rows = texts(table.get("registryIpv4"));
        rows.addAll(texts(table.get("registryIpv6")));
        rows.addAll(texts(table.get("refusedIpv4")));
        for (String cidr : rows) {
            assertEquals(cidr, "refused", verdict(plain, end(cidr, false), 443, HUB));
            assertEquals(cidr, "refused", verdict(plain, end(cidr, true), 443, HUB));
        }
    }

    @Test
    public void refusesNothingBesideTheRangesOfIpv4() {
        for (String cidr : texts(table.get("refusedIpv4"))) {
            if (!cidr.startsWith("0.") && !cidr.startsWith("240.")) assertEquals(cidr, "ok", verdict(plain, beside(end(cidr, false), -1), 80, HUB));
            if (!cidr.startsWith("224.") && !cidr.startsWith("240.")) assertEquals(cidr, "ok", verdict(plain, beside(end(cidr, true), 1), 80, HUB));
        }
    }

    private static String end(String cidr, boolean isLast) {
        IpAddress address = IpAddress.parse(cidr.substring(0, cidr.indexOf('/')));
        byte[] bytes = address.toBytes();
        for (int bit = Integer.parseInt(cidr.substring(cidr.indexOf('/') + 1)); bit < 8 * bytes.length; bit++) {
            int mask = 0x80 >>> bit % 8;
            if (isLast) bytes[bit / 8] |= (byte) mask;
            else bytes[bit / 8] &= (byte) ~mask;
        }
        return IpAddress.ofBytes(bytes, 0, bytes.length).toString();
    }

    private static String beside(String ipv4, int step) {
        byte[] bytes = new BigInteger(1, IpAddress.parse(ipv4).toBytes()).add(BigInteger.valueOf(step)).toByteArray();
        byte[] four = new byte[4];
        for (int i = 0; i < 4 && i < bytes.length; i++) four[3 - i] = bytes[bytes.length - 1 - i];
        return IpAddress.ofBytes(four, 0, 4).toString();
    }

    @Test
    public void everySpelling() {
        check(plain, table.get("ipv6"));
        check(plain, table.get("embeddedIpv4"));
        for (String text : texts(table.get("noLiterals"))) assertEquals(text, "refused", verdict(plain, text, 80, HUB));
    }

    @Test
    public void ourOwnAndTheHubs() {
        Map<?, ?> ours = (Map<?, ?>) table.get("ours");
        TargetPolicy policy = new TargetPolicy(Collections.emptyList());
        policy.setOwn(ranges(ours.get("own")));
        policy.setHubs(ranges(ours.get("hubs")));
        for (String text : texts(ours.get("refused"))) {
            assertEquals(text, "refused", verdict(policy, text, 1, HUB));
            assertEquals(text, "ok", verdict(plain, text, 1, HUB));
        }
    }

    @Test
    public void theNetworksOwnNat64() {
        Map<?, ?> nat64 = (Map<?, ?>) table.get("nat64");
        TargetPolicy policy = new TargetPolicy(Collections.emptyList());
        policy.setOwn(ranges(nat64.get("own")));
        policy.setHubs(ranges(nat64.get("hubs")));
        policy.setObserved(HUB, ranges(nat64.get("observed")));
        policy.setNat64(ranges(nat64.get("prefixes")));
        check(policy, nat64.get("cases"));
    }

    @Test
    public void whatAHubSeesIsRefusedToItAlone() {
        TargetPolicy policy = new TargetPolicy(Collections.emptyList());
        policy.setObserved("a", AddressSet.withNetwork(IpAddress.parse("2600:1:2:3::5"), 128));
        policy.setObserved("b", AddressSet.withNetwork(IpAddress.parse("8.8.8.8"), 128));
        assertEquals("refused", verdict(policy, "2600:1:2:3::6", 80, "a"));
        assertEquals("ok", verdict(policy, "2600:1:2:3::6", 80, "b"));
        assertEquals("refused", verdict(policy, "64:ff9b::8.8.8.8", 80, "b"));
        assertEquals("ok", verdict(policy, "8.8.8.8", 80, "a"));
        assertEquals("ok", verdict(policy, "8.8.8.9", 80, "b"));
        policy.forgetHub("b");
        assertEquals("ok", verdict(policy, "8.8.8.8", 80, "b"));
    }

    @Test
    public void exceptionsOfTheOwner() throws Exception {
        Map<?, ?> allow = (Map<?, ?>) table.get("allow");
        List<AllowRule> rules = new ArrayList<>();
        for (String rule : texts(allow.get("rules"))) rules.add(AllowRule.parse(rule));
        TargetPolicy policy = new TargetPolicy(rules);
        policy.setOwn(ranges(allow.get("own")));
        policy.setHubs(ranges(allow.get("hubs")));
        for (String verdict : new String[] {"ok", "refused"}) {
            for (Object each : (List<?>) allow.get(verdict)) {
                String text = (String) ((List<?>) each).get(0);
                int port = ((Double) ((List<?>) each).get(1)).intValue();
                assertEquals(text + " " + port, verdict, verdict(policy, text, port, HUB));
            }
        }
        for (String text : texts(table.get("unreadableRules"))) assertThrows(text, UserException.class, () -> AllowRule.parse(text));
    }

    @Test
    public void nat64PrefixesOfEveryLength() {
        String[][] found = {
            {"2001:db8:122:344::192.0.0.170", "2001:db8:122:344::/96"}, {"2001:db8:c000:aa::", "2001:db8::/32"},
            {"2001:db8:1c0:0:aa::", "2001:db8:100::/40"}, {"2001:db8:122:c000:0:ab00::", "2001:db8:122::/48"},
            {"2001:db8:122:3c0:0:aa::", "2001:db8:122:300::/56"}, {"2001:db8:122:344:c0:0:aa00::", "2001:db8:122:344::/64"},
            {"fd00:64::192.0.0.170", "fd00:64::/96"}, {"64:ff9b:1::192.0.0.171", "64:ff9b:1::/96"},
        };
        for (String[] pair : found) assertEquals("[" + pair[1] + "]", Nat64.prefixesIn(Arrays.asList(IpAddress.parse(pair[0]))).toString());
        for (String none : new String[] {"192.0.0.170", "64:ff9b::192.0.0.170", "::192.0.0.170", "fe80::192.0.0.170", "2001:db8:c000:aa::1"}) {
            assertEquals(none, Collections.emptyList(), Nat64.prefixesIn(Arrays.asList(IpAddress.parse(none))));
        }
    }

    @Test
    public void literalsAndTheirOneSpelling() {
        String[][] pairs = {
            {"1.2.3.4", "1.2.3.4"}, {"::ffff:1.2.3.4", "1.2.3.4"}, {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, {"::", "::"},
            {"1::", "1::"}, {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"}, {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"}, {"::1.2.3.4", "::102:304"},
            {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"}, {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        };
        for (String[] pair : pairs) assertEquals(pair[1], String.valueOf(IpAddress.parse(pair[0])));
        for (String none : new String[] {"1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", ":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::", "12345::", "g::", "1.2.3.4::", "::1.2.3.4:5", ":1::2", "1::2:", "::\u0661", "\u0661.2.3.4"}) {
            assertEquals(none, null, IpAddress.parse(none));
        }
    }

    @Test
    public void names() {
        assertEquals("example.com", HostName.targetName("Example.COM."));
        assertEquals("_dmarc.a-b", HostName.targetName("_dmarc.a-b"));
        for (String none : new String[] {"", ".", "a..b", ".a", "a/b", "a:b", "a@b", new String(new char[64]).replace('\0', 'a')}) {
            assertEquals(none, null, HostName.targetName(none));
        }
        assertTrue(HostName.isZonedLiteral("fe80::1%eth0"));
        assertFalse(HostName.isZonedLiteral("a%b"));
    }
}
