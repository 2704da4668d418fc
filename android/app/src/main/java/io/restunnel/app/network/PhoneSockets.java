package io.restunnel.app.network;

import android.net.Network;
import io.restunnel.node.Sockets;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;

/** Sockets of the network that {@link NetworkWatch} has chosen: each is bound to it, and names are asked there. */
public final class PhoneSockets implements Sockets {
    private final NetworkWatch networks;

    public PhoneSockets(NetworkWatch networks) {
        this.networks = networks;
    }

    @Override
    public SocketChannel openTcp() throws IOException {
        Network network = network();
        SocketChannel channel = SocketChannel.open();
        try {
            network.bindSocket(channel.socket());
            return channel;
        } catch (IOException | RuntimeException failure) {
            channel.close();
            throw failure;
        }
    }

    @Override
    public DatagramChannel openUdp(boolean ipv6) throws IOException {
        Network network = network();
        DatagramChannel channel = DatagramChannel.open(ipv6 ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
        try {
            network.bindSocket(channel.socket());
            return channel;
        } catch (IOException | RuntimeException failure) {
            channel.close();
            throw failure;
        }
    }

    @Override
    public InetAddress[] resolve(String name) throws UnknownHostException {
        Network network = networks.chosen();
        if (network == null) throw new NoAnswerException("no network is up that may be used");
        try {
            return network.getAllByName(name);
        } catch (UnknownHostException failure) {
            throw isNoAnswer(failure) ? new NoAnswerException("the network's resolver does not answer") : failure;
        }
    }

    /** Android has one exception for all that getaddrinfo says, and the code in its cause's text alone. */
    static boolean isNoAnswer(UnknownHostException failure) {
        String text = failure.getCause() == null ? "" : String.valueOf(failure.getCause().getMessage());
        return text.contains("EAI_AGAIN") || text.contains("EAI_FAIL") || text.contains("EAI_SYSTEM");
    }

    @Override
    public List<InterfaceAddress> ownAddresses() throws IOException {
        List<InterfaceAddress> addresses = new ArrayList<>();
        Enumeration<NetworkInterface> interfaces = NetworkInterface.getNetworkInterfaces();
        if (interfaces == null) return addresses;
        for (NetworkInterface one : Collections.list(interfaces)) {
            for (java.net.InterfaceAddress address : one.getInterfaceAddresses()) {
                addresses.add(new InterfaceAddress(address.getAddress(), address.getNetworkPrefixLength()));
            }
        }
        return addresses;
    }

    private Network network() throws NoNetworkException {
        Network network = networks.chosen();
        if (network == null) throw new NoNetworkException("no network is up that may be used");
        return network;
    }
}
