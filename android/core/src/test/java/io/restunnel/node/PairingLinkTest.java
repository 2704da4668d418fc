package io.restunnel.node;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;

import org.junit.Test;

public class PairingLinkTest {
    private static final String KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    private static final String TOKEN = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
    private static final String END = "/?k=" + KEY + "&t=" + TOKEN;

    @Test
    public void readsHostPortKeyAndToken() throws Exception {
        PairingLink link = PairingLink.parse(" RESTUNNEL://hub.example:9000/?x=1&t=" + TOKEN + "&k=" + KEY + "&y\n");
        assertEquals("hub.example", link.host);
        assertEquals(9_000, link.port);
        assertEquals(1, link.hubPublicKey()[31]);
        assertEquals(2, link.token()[0]);
        assertEquals(KEY, link.hubPublicKeyText());
        assertEquals("AQEB AQEB AQEB AQEB", link.fingerprint());
        assertEquals("::1", PairingLink.parse("restunnel://[::1]:1" + END).host);
        assertEquals("192.0.2.1", PairingLink.parse("restunnel://192.0.2.1:65535" + END).host);
    }

    @Test
    public void saysWhatIsWrongAndRepeatsNoSecret() {
        String[] wrong = {
            "", "http://hub:9000" + END, "restunnel://hub:9000/", "restunnel://hub" + END, "restunnel://:9000" + END, "restunnel://hub:0" + END,
            "restunnel://hub:65536" + END, "restunnel://::1:9000" + END, "restunnel://[::1:9000" + END, "restunnel://[1.2.3.4]:9000" + END,
            "restunnel://1.2.3:9000" + END, "restunnel://a b:9000" + END, "restunnel://hub:9000/?k=" + KEY, "restunnel://hub:9000/?t=" + TOKEN,
            "restunnel://hub:9000" + END + "&t=" + TOKEN, "restunnel://hub:9000" + END + "A", "restunnel://hub:9000" + END.replace("&t=A", "&t=+"),
            "restunnel://hub:9000/?k=" + KEY + "=&t=" + TOKEN, "restunnel://hub:9000" + END + "&x=" + new String(new char[1_100]).replace((char) 0, (char) 120),
        };
        for (String text : wrong) {
            UserException error = assertThrows(text, UserException.class, () -> PairingLink.parse(text));
            assertFalse(error.getMessage(), error.getMessage().contains(TOKEN.substring(0, 20)));
        }
    }

    @Test
    public void saysThatItCannotFollowALinkOfAnotherTransport() {
        for (String text : new String[] {"restunnel+wss://hub.example:443/tunnel" + END, "Restunnel+WSS://hub"}) {
            UserException error = assertThrows(text, UserException.class, () -> PairingLink.parse(text));
            assertEquals(Failure.Code.LINK_OTHER_TRANSPORT, error.failure.code);
            assertEquals("wss", error.failure.detail);
        }
        for (String text : new String[] {"wss://hub.example/" + END, "restunnel+ws s://hub" + END, "restunnel:hub" + END}) {
            UserException error = assertThrows(text, UserException.class, () -> PairingLink.parse(text));
            assertEquals(Failure.Code.LINK_OTHER_SCHEME, error.failure.code);
        }
    }

    @Test
    public void itsTextHoldsNoSecret() throws Exception {
        assertEquals("pairing link of [::1]:1", PairingLink.parse("restunnel://[::1]:1" + END).toString());
    }
}
