package io.restunnel.node.desktop;

import io.restunnel.node.DeviceFacts;
import io.restunnel.node.ExitNode;
import io.restunnel.node.Failure;
import io.restunnel.node.HubStatus;
import io.restunnel.node.NodeListener;
import io.restunnel.node.NodeOptions;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.text.Json;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.security.Provider;
import java.security.Security;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The core as a program of a desktop, for tests against the real hub. Takes the flags of `restunnel node` that it knows:
 * --pair, --name, --data-dir, --ready-file, --allow-target, --lanes, --drain; --io and --log-level are accepted and mean nothing.
 */
public final class Main {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    private final JsonLog log = new JsonLog();
    private final List<String> links = new ArrayList<>();
    private final List<String> allowTargets = new ArrayList<>();
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private String name = "core";
    private String network;
    private Path dataDir;
    private Path readyFile;
    private int lanes = 1;
    private long drainMs = Bounds.DRAIN_MS;

    public static void main(String[] args) throws Exception {
        usePhonesCipher();
        Main main = new Main();
        try {
            main.read(args);
            System.exit(main.run());
        } catch (UserException wrong) {
            System.err.println(wrong.getMessage());
            System.exit(USAGE);
        } catch (IOException broken) {
            System.err.println(broken.getMessage());
            System.exit(FAILED);
        }
    }

    /** Conscrypt is what a phone's cipher comes from. With it on the class path, a desktop measures the same. */
    private static void usePhonesCipher() throws ReflectiveOperationException {
        try {
            Class<?> provider = Class.forName("org.conscrypt.OpenSSLProvider");
            Security.insertProviderAt((Provider) provider.getDeclaredConstructor().newInstance(), 1);
        } catch (ClassNotFoundException absent) {
            // The JDK's own, then.
        }
    }

    private void read(String[] args) throws UserException {
        for (int i = 0; i + 1 < args.length; i += 2) {
            String value = args[i + 1];
            switch (args[i]) {
                case "--pair":
                    links.add(value);
                    break;
                case "--name":
                    name = value;
                    break;
                case "--network":
                    network = value;
                    break;
                case "--data-dir":
                    dataDir = Paths.get(value);
                    break;
                case "--ready-file":
                    readyFile = Paths.get(value);
                    break;
                case "--allow-target":
                    allowTargets.add(value);
                    break;
                case "--lanes":
                    lanes = value.equals("auto") ? NodeOptions.LANES_AUTO : Integer.parseInt(value);
                    break;
                case "--drain":
                    drainMs = 1_000L * Integer.parseInt(value.replaceAll("s$", ""));
                    break;
                case "--io":
                case "--log-level":
                    break;
                default:
                    throw new UserException(Failure.Code.WRONG_OPTION, "unknown option " + args[i]);
            }
        }
        if (args.length % 2 != 0) throw new UserException(Failure.Code.WRONG_OPTION, args[args.length - 1] + " needs a value");
        if (dataDir == null) throw new UserException(Failure.Code.WRONG_OPTION, "--data-dir is missing");
    }

    private int run() throws Exception {
        AtomicBoolean isReady = new AtomicBoolean();
        AtomicReference<ExitNode> started = new AtomicReference<>();
        NodeOptions options = new NodeOptions(new FileStorage(dataDir), new DesktopSockets(), facts()).log(log).lanes(lanes)
                .allowTargets(allowTargets).descriptors(descriptorLimit()).listener(new NodeListener() {
                    @Override
                    public void hubChanged(HubStatus hub) {
                        if (hub.state != HubStatus.State.CONNECTED || readyFile == null || !isReady.compareAndSet(false, true)) return;
                        writeReady(started.get(), hub);
                    }

                    @Override
                    public void activityChanged(boolean active) {
                    }

                    @Override
                    public void ended(Throwable why) {
                        failure.set(why);
                        over.countDown();
                    }
                });
        ExitNode node = new ExitNode(options);
        started.set(node);
        for (String link : links) node.pair(PairingLink.parse(link), name);
        if (node.hubs().isEmpty()) throw new UserException(Failure.Code.WRONG_OPTION, "this node is not paired with any hub; start it with --pair LINK");
        stopOnSignals(node);
        node.start();
        over.await();
        if (failure.get() == null) return 0;
        log.write(JsonLog.FATAL, null, "the node ended: " + failure.get());
        failure.get().printStackTrace();
        return FAILED;
    }

    private void writeReady(ExitNode node, HubStatus hub) {
        Map<String, Object> ready = new LinkedHashMap<>();
        ready.put("pid", pid());
        ready.put("nodeId", node.nodeId());
        ready.put("hubs", Collections.singletonList((hub.host.indexOf(':') == -1 ? hub.host : "[" + hub.host + "]") + ":" + hub.port));
        try {
            Path next = readyFile.resolveSibling(readyFile.getFileName() + ".tmp");
            Files.write(next, Json.write(ready).getBytes(StandardCharsets.UTF_8));
            Files.move(next, readyFile, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException broken) {
            log.warn("cannot write the ready file: " + broken.getMessage());
        }
    }

    /** The JDK offers signals only where the language level of Android does not look. */
    private void stopOnSignals(ExitNode node) throws ReflectiveOperationException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        Object onSignal = Proxy.newProxyInstance(Main.class.getClassLoader(), new Class<?>[] {handler}, (proxy, method, arguments) -> {
            log.info("stopping; open streams have up to " + drainMs / 1_000 + " s to end");
            node.stop(drainMs);
            return null;
        });
        for (String each : new String[] {"TERM", "INT"}) {
            signal.getMethod("handle", signal, handler).invoke(null, signal.getConstructor(String.class).newInstance(each), onSignal);
        }
    }

    private DeviceFacts facts() {
        return new DeviceFacts() {
            @Override
            public String platform() {
                return "linux";
            }

            @Override
            public String version() {
                return "0.1.0-core";
            }

            @Override
            public String network() {
                return network;
            }

            @Override
            public Integer batteryPercent() {
                return null;
            }

            @Override
            public Boolean charging() {
                return null;
            }
        };
    }

    private static int pid() {
        return Integer.parseInt(ManagementFactory.getRuntimeMXBean().getName().split("@")[0]);
    }

    private static int descriptorLimit() throws IOException {
        for (String line : Files.readAllLines(Paths.get("/proc/self/limits"))) {
            if (line.startsWith("Max open files")) return Integer.parseInt(line.split("\\s{2,}")[1].trim());
        }
        return 1_024;
    }
}
