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
        if (network == null) throw new UnknownHostException("no network is up that may be used");
        return network.getAllByName(name);
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
