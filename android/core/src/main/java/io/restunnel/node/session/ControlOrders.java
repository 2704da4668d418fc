package io.restunnel.node.session;

import io.restunnel.node.text.Json;
import io.restunnel.node.wire.Frame;
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
    /** Another device has this node's key, and serves: for how long this one keeps away, in ms; null: no such order. */
    final Long sharedKeyWaitMs;

    private ControlOrders(Double pace, Long rotate, Long sharedKeyWaitMs) {
        this.pace = pace;
        this.rotate = rotate;
        this.sharedKeyWaitMs = sharedKeyWaitMs;
    }

    static ControlOrders decode(ByteBuffer from, int at, int length) throws ProtocolException {
        Map<?, ?> orders = object(parse(from, at, length), "a CONTROL");
        Double pace = null;
        if (orders.containsKey("pace")) {
            Map<?, ?> order = object(orders.get("pace"), "pace");
            if (!order.containsKey("bytesPerSecond")) throw new ProtocolException("a pace without bytesPerSecond");
            Object rate = order.get("bytesPerSecond");
            pace = rate == null ? 0 : whole(rate, 1, "a pace whose bytesPerSecond");
        }
        return new ControlOrders(pace, number(orders, "rotate", "request"), number(orders, "sharedKey", "waitMs"));
    }

    /** Null: there is no such order. */
    private static Long number(Map<?, ?> orders, String order, String field) throws ProtocolException {
        if (!orders.containsKey(order)) return null;
        return (long) whole(object(orders.get(order), order).get(field), 0, "a " + order + " whose " + field);
    }

    private static Object parse(ByteBuffer from, int at, int length) throws ProtocolException {
        try {
            // A decoder of its own reports what is not UTF-8.
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(Frame.copy(from, at, length))).toString();
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
        throw new ProtocolException(what + " is not a whole number");
    }
}
