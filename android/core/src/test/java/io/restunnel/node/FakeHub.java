package io.restunnel.node;

import io.restunnel.node.noise.Handshakes;
import io.restunnel.node.noise.KeyPair;
import io.restunnel.node.noise.NodeId;
import io.restunnel.node.noise.RecordCipher;
import io.restunnel.node.noise.Responder;
import io.restunnel.node.wire.Frame;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A hub of one thread for each session: shakes hands, greets with a PING, and keeps what the node sends. */
final class FakeHub implements AutoCloseable {
    static final class Session {
        final Socket socket;
        final RecordCipher sealer;
        final byte[] payload1;
        /** JSON of each STATUS. */
        final BlockingQueue<String> statuses = new LinkedBlockingQueue<>();
        /** Frame types, in hex; "end" once the connection is closed. */
        final BlockingQueue<String> frames = new LinkedBlockingQueue<>();

        Session(Socket socket, RecordCipher sealer, byte[] payload1) {
            this.socket = socket;
            this.sealer = sealer;
            this.payload1 = payload1;
        }

        synchronized void send(byte[] frame) throws IOException {
            byte[] sealed = new byte[frame.length + 16];
            sealer.seal(ByteBuffer.wrap(frame), ByteBuffer.wrap(sealed));
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeShort(sealed.length);
            out.write(sealed);
        }

        /** Behind timestamp, version and capabilities. */
        int lane() {
            return payload1[17];
        }

        void awaitEnd() throws InterruptedException {
            while (!frames.take().equals("end")) {
                // What came before it.
            }
        }
    }

    private final KeyPair key = KeyPair.random(new SecureRandom());
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    final BlockingQueue<Session> sessions = new LinkedBlockingQueue<>();

    /** How far away it is: its PONGs come this late. */
    volatile int roundTripMs;
    /** The frame of its first record. */
    volatile byte[] greeting = new byte[Frame.HEADER_BYTES + 8];

    FakeHub() throws IOException {
        Frame.writeHeader(greeting, 0, Frame.PING, 0, 8);
        Thread thread = new Thread(this::accept, "fake hub");
        thread.setDaemon(true);
        thread.start();
    }

    PairingLink link() throws UserException {
        Base64.Encoder base64url = Base64.getUrlEncoder().withoutPadding();
        return PairingLink.parse("restunnel://127.0.0.1:" + listener.getLocalPort() + "/?k=" + base64url.encodeToString(key.publicKey()) + "&t="
                + base64url.encodeToString(new byte[32]));
    }

    private void accept() {
        try {
            for (;;) {
                Socket socket = listener.accept();
                Thread thread = new Thread(() -> serve(socket), "fake session");
                thread.setDaemon(true);
                thread.start();
            }
        } catch (IOException closed) {
            // The test is over.
        }
    }

    private void serve(Socket socket) {
        Session session = null;
        try {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] message1 = new byte[in.readUnsignedShort()];
            in.readFully(message1);
            Responder responder = Handshakes.answer(key, Arrays.copyOf(message1, message1.length - 16));
            byte[] message2 = responder.message2(payload2(NodeId.of(responder.remoteStatic)));
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeShort(message2.length);
            out.write(message2);
            RecordCipher opener = new RecordCipher(responder.keys()[0]);
            session = new Session(socket, new RecordCipher(responder.keys()[1]), responder.payload);
            for (boolean isFirst = true;; isFirst = false) {
                byte[] sealed = new byte[in.readUnsignedShort()];
                in.readFully(sealed);
                byte[] plain = new byte[sealed.length];
                if (!opener.open(ByteBuffer.wrap(sealed), ByteBuffer.wrap(plain))) throw new IOException("forged");
                read(session, plain, sealed.length - 16);
                if (!isFirst) continue;
                session.send(greeting);
                sessions.add(session);
            }
        } catch (Exception over) {
            if (session != null) session.frames.add("end");
        }
    }

    private void read(Session session, byte[] plain, int length) throws IOException {
        for (int at = 0; at < length;) {
            int payload = Frame.readU32(plain, at + 5);
            if (plain[at] == Frame.STATUS) session.statuses.add(new String(plain, at + 9, payload, StandardCharsets.UTF_8));
            session.frames.add(Integer.toHexString(plain[at]));
            if (plain[at] == Frame.PING) {
                waitForThePath();
                byte[] pong = Arrays.copyOfRange(plain, at, at + 17);
                pong[0] = Frame.PONG;
                session.send(pong);
            }
            at += 9 + payload;
        }
    }

    private void waitForThePath() throws IOException {
        try {
            Thread.sleep(roundTripMs);
        } catch (InterruptedException stopped) {
            throw new IOException(stopped);
        }
    }

    private static byte[] payload2(String nodeId) {
        ByteBuffer payload = ByteBuffer.allocate(16 + 25);
        payload.put((byte) 1).putInt(7).putInt(262_144).putInt(1_000).put((byte) 0).putShort((short) 25);
        payload.put((byte) 2).putInt(0).putInt(16).put(nodeId.getBytes(StandardCharsets.US_ASCII));
        return payload.array();
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
