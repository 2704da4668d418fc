package io.restunnel.node.hubs;

import io.restunnel.node.Clock;
import io.restunnel.node.Log;
import io.restunnel.node.Sockets;
import io.restunnel.node.exit.Exit;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.names.Names;
import io.restunnel.node.noise.KeyPair;
import java.security.SecureRandom;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** What all lanes share. */
public final class HubParts {
    public Clock clock;
    public Log log;
    public Loop loop;
    public Sockets sockets;
    public Names names;
    public Exit exit;
    public HubBook book;
    public KeyPair keyPair;
    public SecureRandom random;
    public StatusReport status;
    /** One thread for storage, Diffie-Hellman and device facts. */
    public Executor worker;
    /** A dial begins. */
    public Runnable onActivity;
    /** Addresses of hubs, or ours on the way to them, are known anew. */
    public Runnable onAddresses;
    /** A hub's state changed. */
    public Consumer<Hub> onChange;
}
