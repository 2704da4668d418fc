package io.restunnel.node.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON (RFC 8259), read strictly and written compactly. Objects are Maps in their order, arrays Lists, numbers Doubles; strings, Booleans
 * and null are themselves. Android has a library for it and the JDK has none, so the core brings its own.
 */
public final class Json {
    /** Deeper nesting is refused, not a stack overflow. */
    private static final int DEPTH_MAX = 64;

    /** The text is no JSON. */
    public static final class JsonException extends Exception {
        private static final long serialVersionUID = 1L;

        JsonException(String message) {
            super(message);
        }
    }

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    public static Object parse(String text) throws JsonException {
        Json json = new Json(text);
        json.skipSpace();
        Object value = json.value(0);
        json.skipSpace();
        if (json.at < text.length()) throw json.wrong("something follows the value");
        return value;
    }

    private Object value(int depth) throws JsonException {
        if (depth > DEPTH_MAX) throw wrong("it is nested too deeply");
        switch (peek()) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object(int depth) throws JsonException {
        Map<String, Object> object = new LinkedHashMap<>();
        at++;
        skipSpace();
        if (take('}')) return object;
        for (;;) {
            skipSpace();
            if (peek() != '"') throw wrong("a name is missing");
            String name = string();
            skipSpace();
            expect(':');
            skipSpace();
            object.put(name, value(depth + 1));
            skipSpace();
            if (take('}')) return object;
            expect(',');
        }
    }

    private List<Object> array(int depth) throws JsonException {
        List<Object> array = new ArrayList<>();
        at++;
        skipSpace();
        if (take(']')) return array;
        for (;;) {
            skipSpace();
            array.add(value(depth + 1));
            skipSpace();
            if (take(']')) return array;
            expect(',');
        }
    }

    private String string() throws JsonException {
        StringBuilder string = new StringBuilder();
        at++;
        for (;;) {
            char c = peek();
            at++;
            if (c == '"') return string.toString();
            if (c < 0x20) throw wrong("a control character in a string");
            string.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() throws JsonException {
        char c = peek();
        at++;
        switch (c) {
            case '"':
            case '\\':
            case '/':
                return c;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                int code = 0;
                for (int i = 0; i < 4; i++, at++) {
                    int digit = peek() > 'f' ? -1 : Character.digit(peek(), 16);
                    if (digit < 0) throw wrong("a wrong escape");
                    code = code << 4 | digit;
                }
                return (char) code;
            default:
                throw wrong("a wrong escape");
        }
    }

    private Double number() throws JsonException {
        int start = at;
        take('-');
        if (!take('0')) digits();
        if (take('.')) digits();
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            digits();
        }
        return Double.valueOf(text.substring(start, at));
    }

    private void digits() throws JsonException {
        if (peek() < '0' || peek() > '9') throw wrong("a value is missing");
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') at++;
    }

    private Object word(String word, Object value) throws JsonException {
        if (!text.startsWith(word, at)) throw wrong("a value is missing");
        at += word.length();
        return value;
    }

    private void skipSpace() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) != -1) at++;
    }

    private boolean take(char c) {
        if (at >= text.length() || text.charAt(at) != c) return false;
        at++;
        return true;
    }

    private void expect(char c) throws JsonException {
        if (!take(c)) throw wrong("'" + c + "' is missing");
    }

    private char peek() throws JsonException {
        if (at >= text.length()) throw wrong("it is cut short");
        return text.charAt(at);
    }

    private JsonException wrong(String why) {
        return new JsonException("not JSON at character " + at + ": " + why);
    }

    /** Of Maps, Iterables, Strings, Numbers, Booleans and null. Whole numbers have no point. */
    public static String write(Object value) {
        StringBuilder text = new StringBuilder();
        write(value, text);
        return text.toString();
    }

    private static void write(Object value, StringBuilder text) {
        if (value instanceof Map) {
            char before = '{';
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                text.append(before);
                writeString(String.valueOf(entry.getKey()), text);
                text.append(':');
                write(entry.getValue(), text);
                before = ',';
            }
            text.append(before == '{' ? "{}" : "}");
        } else if (value instanceof Iterable) {
            char before = '[';
            for (Object item : (Iterable<?>) value) {
                text.append(before);
                write(item, text);
                before = ',';
            }
            text.append(before == '[' ? "[]" : "]");
        } else if (value instanceof CharSequence) {
            writeString(value.toString(), text);
        } else if (value instanceof Double && (Double) value == Math.rint((Double) value) && Math.abs((Double) value) < 1e15) {
            text.append(((Double) value).longValue());
        } else {
            text.append(value);
        }
    }

    private static void writeString(String string, StringBuilder text) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (c == '"' || c == '\\') text.append('\\').append(c);
            else if (c < 0x20 || Character.isSurrogate(c) && !isPaired(string, i)) text.append(String.format("\\u%04x", (int) c));
            else text.append(c);
        }
        text.append('"');
    }

    private static boolean isPaired(String string, int at) {
        return Character.isHighSurrogate(string.charAt(at))
                ? at + 1 < string.length() && Character.isLowSurrogate(string.charAt(at + 1))
                : at > 0 && Character.isHighSurrogate(string.charAt(at - 1));
    }
}
