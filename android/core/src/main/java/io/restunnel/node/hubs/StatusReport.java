package io.restunnel.node.hubs;

import io.restunnel.node.Clock;
import io.restunnel.node.DeviceFacts;
import io.restunnel.node.limits.Protocol;
import io.restunnel.node.text.Json;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What a node tells its hubs about itself. Of any thread. */
public final class StatusReport {
    private final DeviceFacts device;
    private final Clock clock;
    private final long startedMs;
    /** By hub: the last answer to its rotate order, in every STATUS, so that it arrives whichever session is the first to last. */
    private final Map<String, Map<String, Object>> rotations = new ConcurrentHashMap<>();
    private volatile long sentBytes;
    private volatile long receivedBytes;

    public StatusReport(DeviceFacts device, Clock clock) {
        this.device = device;
        this.clock = clock;
        this.startedMs = clock.elapsedMs();
    }

    public void setBytes(long sent, long received) {
        sentBytes = sent;
        receivedBytes = received;
    }

    /** No app may change a phone's address on its own: it says so. False: this request has its answer. */
    public boolean refuseRotation(String hub, long request) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("request", request);
        answer.put("ok", false);
        answer.put("oldAddress", null);
        answer.put("newAddress", null);
        answer.put("tookMs", 0);
        answer.put("error", "this device cannot get itself a new address");
        Map<String, Object> before = rotations.put(hub, answer);
        return before == null || !before.get("request").equals(request);
    }

    /** STATUS for a hub. Asks the device, which may take a while. */
    public byte[] json(String hub) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("platform", device.platform());
        fields.put("network", device.network());
        fields.put("version", device.version());
        fields.put("uptimeS", (clock.elapsedMs() - startedMs) / 1_000);
        fields.put("bytesSent", sentBytes);
        fields.put("bytesReceived", receivedBytes);
        fields.put("batteryPercent", device.batteryPercent());
        fields.put("charging", device.charging());
        fields.put("canRotate", false);
        Map<String, Object> rotation = rotations.get(hub);
        if (rotation != null) fields.put("rotation", rotation);
        byte[] json = Json.write(fields).getBytes(StandardCharsets.UTF_8);
        // Too long by what the device says of itself: the hub would end the session.
        return json.length <= Protocol.STATUS_MAX_BYTES ? json : "{}".getBytes(StandardCharsets.UTF_8);
    }
}
