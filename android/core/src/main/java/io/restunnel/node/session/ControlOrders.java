package io.restunnel.node.session;

import io.restunnel.node.text.Json;
import io.restunnel.node.wire.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What a hub orders with CONTROL. Keys that are not known are ignored. */
final class ControlOrders {
    /** JavaScript's largest whole number, which is the page's. */
    private static final double SAFE_INTEGER_MAX = 9_007_199_254_740_991.0;

    /** Bytes per second, 0 for any; null: no such order. */
    final Double pace;
    /** The number of a request for a new address; null: no such order. */
    final Long rotate;

    private ControlOrders(Double pace, Long rotate) {
        this.pace = pace;
        this.rotate = rotate;
    }

    static ControlOrders decode(byte[] from, int at, int length) throws ProtocolException {
        Map<?, ?> orders = object(parse(from, at, length), "a CONTROL");
        Double pace = null;
        Long rotate = null;
        if (orders.containsKey("pace")) {
            Map<?, ?> order = object(orders.get("pace"), "pace");
            if (!order.containsKey("bytesPerSecond")) throw new ProtocolException("a pace without bytesPerSecond");
            Object rate = order.get("bytesPerSecond");
            pace = rate == null ? 0 : whole(rate, 1, "a pace");
        }
        if (orders.containsKey("rotate")) rotate = (long) whole(object(orders.get("rotate"), "rotate").get("request"), 0, "a rotate");
        return new ControlOrders(pace, rotate);
    }

    private static Object parse(byte[] from, int at, int length) throws ProtocolException {
        try {
            // A decoder of its own reports what is not UTF-8.
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(from, at, length)).toString();
            return Json.parse(text);
        } catch (CharacterCodingException | Json.JsonException notJson) {
            throw new ProtocolException("a CONTROL that is not JSON");
        }
    }

    private static Map<?, ?> object(Object value, String what) throws ProtocolException {
        if (!(value instanceof Map)) throw new ProtocolException(what + " that is not an object");
        return (Map<?, ?>) value;
    }

    private static double whole(Object value, double min, String what) throws ProtocolException {
        if (value instanceof Double) {
            double number = (Double) value;
            if (number == Math.rint(number) && number >= min && number <= SAFE_INTEGER_MAX) return number;
        }
        throw new ProtocolException(what + " that is not a whole number");
    }
}
