package io.restunnel.node.names;

import io.restunnel.node.Sockets;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.policy.Nat64;
import io.restunnel.node.wire.Reason;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.IntSupplier;

/**
 * Names to addresses, by the system: one question for each name at a time, shared by all that ask for it; answers are remembered for a
 * while. Of the loop's thread; the questions block threads of their own, so that a name which nobody answers delays no other.
 */
public final class Names {
    /** Who asks. Exactly one call, unless it is taken off with {@link #forget}; perhaps from inside lookUp(). */
    public interface Asker {
        /** In the system's order, each once. */
        void found(List<IpAddress> addresses);

        void notFound(Reason reason);
    }

    /** Asks for itself: the names of hubs, and what tells about the network. */
    public static final String NODE = "";

    private static final class Question {
        final String name;
        /** Whose question it was first: it counts as a part of that hub's share. */
        final String hub;
        final long askedMs;
        final Set<Asker> askers = new LinkedHashSet<>();
        Timer timer;

        Question(String name, String hub, long askedMs) {
            this.name = name;
            this.hub = hub;
            this.askedMs = askedMs;
        }
    }

    private static final class Known {
        /** Empty: there is no such name. */
        final List<IpAddress> addresses;
        final long untilMs;

        Known(List<IpAddress> addresses, long untilMs) {
            this.addresses = addresses;
            this.untilMs = untilMs;
        }
    }

    private final Loop loop;
    private final Sockets sockets;
    private final LookupThreads threads;
    private final LookupThreads ownThreads;
    private final Map<String, Question> questions = new HashMap<>();
    private final Map<String, Integer> askedBy = new HashMap<>();
    private final Map<String, Known> known = new LinkedHashMap<String, Known>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
            return size() > Bounds.NAMES_CACHED_MAX;
        }
    };
    /** When anybody last answered anything. */
    private long answeredMs = Long.MIN_VALUE;

    /**
     * @param executor makes as many threads as it is given tasks
     * @param hubCount how many hubs the node has
     */
    public Names(Loop loop, Sockets sockets, Executor executor, IntSupplier hubCount) {
        this.loop = loop;
        this.sockets = sockets;
        threads = new LookupThreads(loop, executor, Bounds.LOOKUP_THREADS_MAX, Bounds.SLOW_LOOKUP_THREADS_MAX, hubCount);
        // Names that nobody answers keep no node from its hubs.
        ownThreads = new LookupThreads(loop, executor, Bounds.OWN_LOOKUP_THREADS_MAX, Bounds.OWN_SLOW_LOOKUP_THREADS_MAX, () -> 1);
    }

    /** @param name as HostName.targetName() makes it */
    public void lookUp(String name, String hub, Asker asker) {
        Known answer = known.get(name);
        if (answer != null && answer.untilMs > loop.nowMs()) {
            if (answer.addresses.isEmpty()) asker.notFound(Reason.NAME_NOT_FOUND);
            else asker.found(answer.addresses);
            return;
        }
        Question question = questions.get(name);
        if (question == null) {
            if (questions.size() >= Bounds.LOOKUPS_MAX || askedBy.getOrDefault(hub, 0) >= Bounds.LOOKUPS_PER_HUB_MAX) {
                asker.notFound(Reason.BUSY);
                return;
            }
            question = ask(name, hub);
        }
        question.askers.add(asker);
    }

    private Question ask(String name, String hub) {
        Question question = new Question(name, hub, loop.nowMs());
        questions.put(name, question);
        askedBy.merge(hub, 1, Integer::sum);
        // Is it the name's fault or the resolver's? A question that has an answer everywhere tells.
        Timer probe = loop.after(Bounds.NAME_TIMEOUT_MS / 2, () -> probe(question));
        question.timer = loop.after(Bounds.NAME_TIMEOUT_MS, () -> answer(question, null, silence(question)));
        (hub.equals(NODE) ? ownThreads : threads).run(hub, new LookupThreads.Job() {
            @Override
            public boolean isWanted() {
                return questions.get(name) == question;
            }

            @Override
            public void ask() {
                resolve(question, probe);
            }
        });
        return question;
    }

    /** Blocks a thread of its own. */
    private void resolve(Question question, Timer probe) {
        List<IpAddress> addresses = null;
        Reason failure = null;
        try {
            addresses = distinct(sockets.resolve(question.name));
        } catch (Sockets.NoAnswerException nobodyAnswered) {
            failure = Reason.NAME_TIMED_OUT;
        } catch (UnknownHostException missing) {
            failure = Reason.NAME_NOT_FOUND;
        }
        List<IpAddress> found = addresses;
        Reason reason = failure;
        loop.execute(() -> {
            probe.cancel();
            if (reason != Reason.NAME_TIMED_OUT) answeredMs = loop.nowMs();
            answer(question, found, reason);
        });
    }

    private Reason silence(Question question) {
        return answeredMs >= question.askedMs ? Reason.NAME_TIMED_OUT : Reason.RESOLVER_SILENT;
    }

    private void probe(Question question) {
        if (answeredMs >= question.askedMs || questions.containsKey(Nat64.IPV4_ONLY_NAME)) return;
        ask(Nat64.IPV4_ONLY_NAME, NODE);
    }

    private void answer(Question question, List<IpAddress> addresses, Reason reason) {
        if (!questions.remove(question.name, question)) return;
        question.timer.cancel();
        askedBy.computeIfPresent(question.hub, (hub, asked) -> asked == 1 ? null : asked - 1);
        if (addresses != null) remember(question.name, addresses, Bounds.NAME_TTL_MS);
        else if (reason == Reason.NAME_NOT_FOUND) remember(question.name, Collections.emptyList(), Bounds.MISSING_NAME_TTL_MS);
        // A call may take others off, which are not called then.
        while (!question.askers.isEmpty()) {
            Asker asker = question.askers.iterator().next();
            question.askers.remove(asker);
            if (addresses != null) asker.found(addresses);
            else asker.notFound(reason);
        }
    }

    private void remember(String name, List<IpAddress> addresses, long ttlMs) {
        known.remove(name);
        known.put(name, new Known(addresses, loop.nowMs() + ttlMs));
    }

    /** It is not called any more. The question stays asked. */
    public void forget(String name, Asker asker) {
        Question question = questions.get(name);
        if (question != null) question.askers.remove(asker);
    }

    /** Another network may have other answers. */
    public void networkChanged() {
        known.clear();
    }

    /** Addresses of one link (with a zone) are of no use to anybody far away, and are left out. */
    private static List<IpAddress> distinct(InetAddress[] addresses) throws UnknownHostException {
        Set<IpAddress> distinct = new LinkedHashSet<>();
        for (InetAddress address : addresses) {
            if (distinct.size() == Bounds.ADDRESSES_PER_NAME_MAX) break;
            if (!address.isLinkLocalAddress() || address.getAddress().length == 4) distinct.add(IpAddress.of(address));
        }
        if (distinct.isEmpty()) throw new UnknownHostException("no address");
        return new ArrayList<>(distinct);
    }
}
