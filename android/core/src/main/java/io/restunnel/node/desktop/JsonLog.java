package io.restunnel.node.desktop;

import io.restunnel.node.Log;
import io.restunnel.node.text.Json;
import java.util.LinkedHashMap;
import java.util.Map;

/** Lines of JSON on stderr, as the TypeScript node's log writes them. */
final class JsonLog implements Log {
    private static final int INFO = 30;
    private static final int WARN = 40;
    private static final int ERROR = 50;
    static final int FATAL = 60;

    @Override
    public void info(String sentence) {
        write(INFO, null, sentence);
    }

    @Override
    public void info(String hub, String sentence) {
        write(INFO, hub, sentence);
    }

    @Override
    public void warn(String sentence) {
        write(WARN, null, sentence);
    }

    @Override
    public void lost(String hub, String reason, long retryInMs) {
        write(WARN, hub, reason, retryInMs);
    }

    @Override
    public void fault(Throwable error) {
        write(ERROR, null, "an internal error: " + error, null);
        error.printStackTrace();
    }

    void write(int level, String hub, String sentence) {
        write(level, hub, sentence, null);
    }

    private static void write(int level, String hub, String sentence, Long retryInMs) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("level", level);
        line.put("time", System.currentTimeMillis());
        if (hub != null) line.put("hub", hub);
        if (retryInMs != null) line.put("retryInMs", retryInMs);
        line.put("msg", sentence);
        System.err.println(Json.write(line));
    }
}
