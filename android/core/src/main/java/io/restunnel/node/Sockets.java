package io.restunnel.node;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.List;

/**
 * The node's way to the network. An app binds every socket to the network that its owner allows (Network.bindSocket) and asks that
 * network for names, so that nothing leaves through another one.
 */
public interface Sockets {
    /**
     * A new TCP socket, neither bound nor connected. The node sets its options. Called by the node's selector thread: must not block.
     *
     * @throws NoNetworkException while no network is allowed. The node waits for {@link ExitNode#networkChanged()}.
     */
    SocketChannel openTcp() throws IOException;

    /** A new UDP socket, not bound. With ipv6 it must be one of StandardProtocolFamily.INET6, otherwise of INET. */
    DatagramChannel openUdp(boolean ipv6) throws IOException;

    /**
     * All addresses of a name, in the system's order. Blocks: called by the node's lookup threads only.
     *
     * @throws NoAnswerException    if nobody could be asked, or nobody answers
     * @throws UnknownHostException if there is no such name
     */
    InetAddress[] resolve(String name) throws UnknownHostException;

    /**
     * The addresses of this device with their prefix lengths. Its own services are no targets for a hub, nor are the IPv6 networks that it
     * is on. Called by one thread of the node's own, every few seconds.
     */
    List<InterfaceAddress> ownAddresses() throws IOException;

    /** An address of an interface of this device. */
    final class InterfaceAddress {
        public final InetAddress address;
        /** 0 to 32 or 128. */
        public final int prefixLength;

        public InterfaceAddress(InetAddress address, int prefixLength) {
            this.address = address;
            this.prefixLength = prefixLength;
        }
    }

    /** The resolver is silent, or says that it cannot tell now: not the same as a name that does not exist. */
    final class NoAnswerException extends UnknownHostException {
        private static final long serialVersionUID = 1L;

        public NoAnswerException(String message) {
            super(message);
        }
    }

    /** The owner allows no network that is there now. */
    final class NoNetworkException extends IOException {
        private static final long serialVersionUID = 1L;

        public NoNetworkException(String message) {
            super(message);
        }
    }
}
