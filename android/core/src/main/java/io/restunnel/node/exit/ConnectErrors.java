package io.restunnel.node.exit;

import io.restunnel.node.Sockets;
import io.restunnel.node.wire.Reason;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;

/** From what a failed connect says to the reason that the hub hears. Java keeps no errno, so for some the system's words decide. */
final class ConnectErrors {
    private ConnectErrors() {
    }

    /** As the TypeScript node's log has it. */
    static String codeOf(Reason reason, Exception failure) {
        switch (reason) {
            case REFUSED:
                return "ECONNREFUSED";
            case TIMED_OUT:
                return "ETIMEDOUT";
            case NO_ROUTE:
                return failure instanceof Sockets.NoNetworkException ? failure.getMessage() : "ENETUNREACH";
            case HOST_UNREACHABLE:
                return "EHOSTUNREACH";
            default:
                return String.valueOf(failure.getMessage());
        }
    }

    static Reason reasonOf(Exception failure) {
        String words = String.valueOf(failure.getMessage());
        // A rule that is not ours: the system's firewall, a prohibited route.
        if (words.contains("ermission denied") || words.contains("not permitted")) return Reason.POLICY;
        if (words.contains("timed out")) return Reason.TIMED_OUT;
        if (words.contains("Network is unreachable") || words.contains("not supported") || words.contains("Network is down")) return Reason.NO_ROUTE;
        if (failure instanceof NoRouteToHostException || words.contains("No route to host") || words.contains("Host is")) {
            return Reason.HOST_UNREACHABLE;
        }
        if (failure instanceof Sockets.NoNetworkException) return Reason.NO_ROUTE;
        // Out of local ports, descriptors or memory.
        if (failure instanceof BindException || words.contains("assign requested")) return Reason.BUSY;
        if (words.contains("Too many open files") || words.contains("No buffer space") || words.contains("annot allocate")) return Reason.BUSY;
        if (failure instanceof ConnectException || words.contains("onnection reset")) return Reason.REFUSED;
        return Reason.INTERNAL;
    }
}
