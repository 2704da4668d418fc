package io.restunnel.node.desktop;

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
import java.util.List;

/** Sockets of the system's default network. */
final class DesktopSockets implements Sockets {
    @Override
    public SocketChannel openTcp() throws IOException {
        return SocketChannel.open();
    }

    @Override
    public DatagramChannel openUdp(boolean ipv6) throws IOException {
        return DatagramChannel.open(ipv6 ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
    }

    @Override
    public InetAddress[] resolve(String name) throws UnknownHostException {
        try {
            return InetAddress.getAllByName(name);
        } catch (UnknownHostException failure) {
            String words = String.valueOf(failure.getMessage());
            // EAI_AGAIN, which the JDK passes on in words only.
            if (words.contains("emporary failure")) throw new NoAnswerException(words);
            throw failure;
        }
    }

    @Override
    public List<InterfaceAddress> ownAddresses() throws IOException {
        List<InterfaceAddress> addresses = new ArrayList<>();
        for (NetworkInterface network : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            for (java.net.InterfaceAddress each : network.getInterfaceAddresses()) {
                addresses.add(new InterfaceAddress(each.getAddress(), each.getNetworkPrefixLength()));
            }
        }
        return addresses;
    }
}
