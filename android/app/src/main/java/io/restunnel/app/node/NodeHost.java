package io.restunnel.app.node;

import android.os.Handler;
import android.system.Os;
import android.system.OsConstants;
import io.restunnel.app.keys.PhoneStorage;
import io.restunnel.app.network.NetworkWatch;
import io.restunnel.app.network.PhoneSockets;
import io.restunnel.app.settings.DataMeter;
import io.restunnel.app.settings.Settings;
import io.restunnel.node.HubStatus;
import io.restunnel.node.NodeListener;
import io.restunnel.node.NodeOptions;
import io.restunnel.node.PairingLink;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** The one node of this process, kept to what the owner, the battery, the network and the month's data allow. Main thread. */
public final class NodeHost {
    /** Hears that something to show differs. */
    public interface Watcher {
        void nodeChanged();
    }

    /** How often a busy node's bytes are counted. */
    static final long BUSY_TICK_MS = 5_000;
    /** A Keystore that fails now and then works again; so does a full disk. */
    static final long RETRY_MS = 60_000;
    private static final int TICKS_TO_SAVE = 12;
    /** What Android gives a process at least. */
    private static final int ASSUMED_DESCRIPTORS = 1_024;

    private final Settings settings;
    private final NetworkWatch networks;
    private final PowerWatch power;
    private final Traffic traffic;
    private final NodeHandle handle;
    private final Handler main;
    private final Set<Watcher> watchers = new HashSet<>();
    private final Set<String> pausedAtNode = new HashSet<>();
    private final Runnable tick = this::busyTick;
    private final Runnable retry = this::openAgain;

    /** As of the last look: the node's own answer may take a moment. */
    private List<HubStatus> known = Collections.emptyList();
    private boolean running;
    private boolean active;
    private boolean mobileSpent;
    private int ticks;

    public NodeHost(Settings settings, DataMeter meter, NetworkWatch networks, PowerWatch power, PhoneStorage storage, String version,
            Node.Maker maker, LongSupplier deviceBytes, Executor worker, Handler main) {
        this.settings = settings;
        this.networks = networks;
        this.power = power;
        this.main = main;
        traffic = new Traffic(settings, meter, networks, deviceBytes);
        NodeOptions options = new NodeOptions(storage, new PhoneSockets(networks), new PhoneFacts(version, networks, power))
                .clock(new PhoneClock()).listener(new OnMainThread()).descriptors(descriptors());
        handle = new NodeHandle(options, storage, maker, worker, main, new Opening());
    }

    public void watch(Watcher watcher) {
        watchers.add(watcher);
    }

    public void unwatch(Watcher watcher) {
        watchers.remove(watcher);
    }

    // What there is to show.

    /** Key and hubs have been read. */
    public boolean isOpen() {
        return handle.node() != null;
    }

    public boolean isRunning() {
        return running;
    }

    /** Bytes of streams move, or a dial is under way. */
    public boolean isActive() {
        return active;
    }

    public List<HubStatus> hubs() {
        return known;
    }

    /** What this phone is to its hubs; null until the key has been read. */
    public String nodeId() {
        return isOpen() ? handle.node().nodeId() : null;
    }

    public Hold hold() {
        return Hold.of(settings, power.charging(), networks.choice());
    }

    public Traffic traffic() {
        return traffic;
    }

    public boolean isKeyLost() {
        return handle.trouble() == NodeHandle.Trouble.KEY_LOST;
    }

    public boolean isKeystoreFailing() {
        return handle.trouble() == NodeHandle.Trouble.KEYSTORE;
    }

    /** Why there is no node; null without trouble. */
    public Exception trouble() {
        return handle.cause();
    }

    // What the owner and the service do with it.

    /** Reads key and hubs, so that they can be shown. */
    public void open() {
        handle.open();
    }

    /** Serves from now on. */
    public void run() {
        if (running) return;
        running = true;
        power.start(this::powerChanged);
        networks.start(new Networks());
        reconsider();
        if (isOpen()) startNode();
        else open();
    }

    /** Serves no more. */
    public void halt() {
        if (!running) return;
        refresh();
        running = false;
        networks.stop();
        power.stop();
        main.removeCallbacks(retry);
        setActive(false);
        handle.close();
        look();
        traffic.nodeEnded();
        changed();
    }

    /** @param done null, or why it failed */
    public void pair(PairingLink link, String deviceName, Consumer<Exception> done) {
        handle.pair(link, deviceName, failure -> {
            if (failure == null) {
                settings.setHasHubs(true);
                settings.setHubPaused(link.hubPublicKeyText(), false);
                reconsider();
            }
            done.accept(failure);
        });
    }

    /** @param done null, or why it failed */
    public void forget(String hubPublicKey, Consumer<Exception> done) {
        handle.forget(hubPublicKey, failure -> {
            if (failure == null) {
                traffic.forgetHub(hubPublicKey);
                pausedAtNode.remove(hubPublicKey);
                settings.setHubPaused(hubPublicKey, false);
                look();
                settings.setHasHubs(!known.isEmpty());
                changed();
            }
            done.accept(failure);
        });
    }

    public void setHubPaused(String hubPublicKey, boolean paused) {
        settings.setHubPaused(hubPublicKey, paused);
        reconsider();
    }

    public void setPaused(boolean paused) {
        settings.setPaused(paused);
        reconsider();
    }

    /** Throws a lost key away, and the hubs with it. */
    public void startOver() {
        setActive(false);
        traffic.nodeEnded();
        handle.startOver();
        look();
    }

    /** A setting, the battery, the network, the day or the month differs. */
    public void reconsider() {
        look();
        if (running) traffic.count(known);
        mobileSpent = traffic.isMobileDataSpent();
        networks.allow(settings.networkUse(), mobileSpent);
        traffic.networkChosen();
        applyPauses();
        changed();
    }

    /** Counts what has come since the last time. */
    public void refresh() {
        look();
        if (!running) return;
        traffic.count(known);
        if (mobileSpent != traffic.isMobileDataSpent()) reconsider();
    }

    private void look() {
        known = isOpen() ? handle.node().hubs() : Collections.emptyList();
    }

    private void applyPauses() {
        if (!isOpen()) return;
        boolean all = hold().pausesHubs();
        Set<String> byOwner = settings.pausedHubs();
        Node node = handle.node();
        for (HubStatus hub : known) {
            boolean wanted = all || byOwner.contains(hub.publicKey);
            if (wanted && pausedAtNode.add(hub.publicKey)) node.pause(hub.publicKey);
            else if (!wanted && pausedAtNode.remove(hub.publicKey)) node.resume(hub.publicKey);
        }
    }

    private void startNode() {
        applyPauses();
        handle.node().start();
    }

    /** How many files this process may have open. */
    private static int descriptors() {
        long most = Os.sysconf(OsConstants._SC_OPEN_MAX);
        return most <= 0 ? ASSUMED_DESCRIPTORS : (int) Math.min(most, Integer.MAX_VALUE);
    }

    private final class Opening implements NodeHandle.Owner {
        @Override
        public void opened() {
            pausedAtNode.clear();
            look();
            settings.setHasHubs(!known.isEmpty());
            if (running) startNode();
            changed();
        }

        @Override
        public void failed() {
            setActive(false);
            look();
            traffic.nodeEnded();
            main.removeCallbacks(retry);
            if (running && !isKeyLost()) main.postDelayed(retry, RETRY_MS);
            changed();
        }
    }

    private void openAgain() {
        if (running) open();
    }

    private void powerChanged() {
        if (isOpen()) handle.node().deviceChanged();
        reconsider();
    }

    private void setActive(boolean isActive) {
        if (active == isActive) return;
        active = isActive;
        main.removeCallbacks(tick);
        if (active) main.postDelayed(tick, BUSY_TICK_MS);
        changed();
    }

    private void busyTick() {
        refresh();
        changed();
        if (++ticks % TICKS_TO_SAVE == 0) traffic.save();
        if (active) main.postDelayed(tick, BUSY_TICK_MS);
    }

    private void changed() {
        for (Watcher watcher : new ArrayList<>(watchers)) watcher.nodeChanged();
    }

    private final class Networks implements NetworkWatch.Listener {
        @Override
        public void networkChosen() {
            reconsider();
            if (isOpen()) handle.node().networkChanged(true);
        }

        @Override
        public void networkDiffers() {
            reconsider();
            if (!isOpen()) return;
            handle.node().networkChanged(false);
            handle.node().deviceChanged();
        }
    }

    /** The node's own thread calls; the main thread hears. */
    private final class OnMainThread implements NodeListener {
        @Override
        public void hubChanged(HubStatus hub) {
            main.post(() -> {
                look();
                changed();
            });
        }

        @Override
        public void activityChanged(boolean isActive) {
            main.post(() -> {
                refresh();
                if (!isActive) traffic.save();
                setActive(isActive && running);
            });
        }

        @Override
        public void ended(Throwable failure) {
            if (failure != null) main.post(() -> handle.ended(failure));
        }
    }
}
