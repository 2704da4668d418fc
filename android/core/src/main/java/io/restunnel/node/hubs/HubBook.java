package io.restunnel.node.hubs;

import io.restunnel.node.Failure;
import io.restunnel.node.Log;
import io.restunnel.node.NodeStorage;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.noise.Message1;
import io.restunnel.node.noise.Timestamp;
import io.restunnel.node.text.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The hubs that a node serves, in its storage. The JSON is that of the TypeScript node's node.json. Of any thread; a change blocks. */
public final class HubBook {
    private static final double VERSION = 1;

    private final NodeStorage storage;
    private final Log log;
    private final Map<String, HubRecord> hubs = new LinkedHashMap<>();
    private boolean isFailing;

    /** @throws UserException if what is stored is damaged. It is left as it is. */
    public HubBook(NodeStorage storage, Log log) throws IOException, UserException {
        this.storage = storage;
        this.log = log;
        String text = storage.loadState();
        if (text != null) read(text);
    }

    public synchronized List<HubRecord> hubs() {
        return new ArrayList<>(hubs.values());
    }

    /** Null: there is no such hub. */
    public synchronized HubRecord get(String publicKey) {
        return hubs.get(publicKey);
    }

    /**
     * Puts the hub of a link on the list. One that is known already gets the link's address, token and name, and keeps its id and timestamp: a
     * link that is opened twice must not lose the enrolment to a token that is used up.
     */
    public synchronized HubRecord pair(PairingLink link, String deviceName) throws IOException, UserException {
        String publicKey = link.hubPublicKeyText();
        HubRecord known = hubs.get(publicKey);
        if (known == null && hubs.size() >= Bounds.HUBS_MAX) {
            throw new UserException(Failure.Code.HUBS_FULL, Bounds.HUBS_MAX);
        }
        HubRecord hub = new HubRecord(publicKey, link.host, link.port, known == null ? null : known.nodeId, base64url(link.token()),
                Message1.fitName(deviceName), known == null ? null : known.lastTimestamp);
        hubs.put(publicKey, hub);
        try {
            save();
        } catch (IOException failure) {
            if (known == null) hubs.remove(publicKey);
            else hubs.put(publicKey, known);
            throw failure;
        }
        return hub;
    }

    public synchronized boolean forget(String publicKey) throws IOException {
        if (hubs.remove(publicKey) == null) return false;
        save();
        return true;
    }

    /** The timestamp of the next first message, stored before it is used. Null: no such hub any more. */
    public synchronized Timestamp nextTimestamp(String publicKey, long wallMs) {
        HubRecord hub = hubs.get(publicKey);
        if (hub == null) return null;
        Timestamp last = hub.lastTimestamp == null ? null : Timestamp.ofBytes(bytes(hub.lastTimestamp));
        Timestamp next = Timestamp.after(wallMs, last);
        hubs.put(publicKey, hub.withTimestamp(base64url(next.toBytes())));
        saveOrWarn();
        return next;
    }

    /** The hub accepted this node: its token is used up. */
    public synchronized void enrolled(String publicKey, String nodeId) {
        HubRecord hub = hubs.get(publicKey);
        if (hub == null) return;
        hubs.put(publicKey, hub.enrolledAs(nodeId));
        saveOrWarn();
    }

    /** A full disk does not keep a node from its hubs: then only memory holds what changed. */
    private void saveOrWarn() {
        try {
            save();
            if (isFailing) log.info("the list of hubs can be written again");
            isFailing = false;
        } catch (IOException failure) {
            if (!isFailing) log.warn("cannot write the list of hubs; the node goes on without it: " + failure.getMessage());
            isFailing = true;
        }
    }

    private void save() throws IOException {
        List<Object> list = new ArrayList<>();
        for (HubRecord hub : hubs.values()) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("host", hub.host);
            fields.put("port", hub.port);
            fields.put("publicKey", hub.publicKey);
            fields.put("nodeId", hub.nodeId);
            fields.put("token", hub.token);
            fields.put("name", hub.name);
            fields.put("lastTimestamp", hub.lastTimestamp);
            list.add(fields);
        }
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("version", VERSION);
        content.put("hubs", list);
        storage.storeState(Json.write(content));
    }

    private void read(String text) throws UserException {
        try {
            Map<?, ?> content = (Map<?, ?>) Json.parse(text);
            if (!Double.valueOf(VERSION).equals(content.get("version"))) throw damaged("its version is not known");
            for (Object item : (List<?>) content.get("hubs")) {
                HubRecord hub = readHub((Map<?, ?>) item);
                if (hubs.put(hub.publicKey, hub) != null) throw damaged("it has a hub twice");
            }
        } catch (Json.JsonException | ClassCastException | NullPointerException | IllegalArgumentException wrong) {
            throw damaged("a field is missing or wrong");
        }
        if (hubs.size() > Bounds.HUBS_MAX) throw damaged("it is too long");
    }

    private static HubRecord readHub(Map<?, ?> fields) throws UserException {
        double port = (Double) fields.get("port");
        String lastTimestamp = (String) fields.get("lastTimestamp");
        String token = (String) fields.get("token");
        boolean isValid = bytes((String) fields.get("publicKey")).length == 32 && port == Math.rint(port) && port >= 1 && port <= 65_535
                && (token == null || bytes(token).length == Message1.TOKEN_BYTES)
                && (lastTimestamp == null || Timestamp.ofBytes(bytes(lastTimestamp)) != null) && fields.get("host") != null
                && fields.get("name") != null;
        if (!isValid) throw damaged("a field is missing or wrong");
        return new HubRecord((String) fields.get("publicKey"), (String) fields.get("host"), (int) port, (String) fields.get("nodeId"), token,
                (String) fields.get("name"), lastTimestamp);
    }

    private static UserException damaged(String why) {
        return new UserException(Failure.Code.HUB_LIST_DAMAGED, why);
    }

    static byte[] bytes(String base64url) {
        return Base64.getUrlDecoder().decode(base64url);
    }

    private static String base64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
