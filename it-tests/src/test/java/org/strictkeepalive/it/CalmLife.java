package org.strictkeepalive.it;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.stream.Stream;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** What clients do on a calm day, drawn at random: the same from the same seed. */
final class CalmLife {
    private static final int CLIENTS = 20;
    private static final int STEPS = 4;
    private static final int STEPS_AT_STOP = 50;

    /** What a client does. */
    enum Kind {
        GET,
        LARGE,
        MISSING,
        FAILURE,
        /** The application answers late, and holds no thread. */
        SLOW,
        SLOW_BLOCKING,
        POST,
        POST_IN_PIECES,
        CHUNKED,
        PIPELINED,
        /** Connects, and waits before the first request. */
        AHEAD,
        /** Waits between two requests. */
        IDLE,
        /** Asks for a close. */
        LAST,
        HTTP_1_0,
        /** Shuts its output behind the request. */
        HALF_CLOSED,
        /** The application answers an upload with 413, before it has ended. */
        REFUSED,
        CONTINUE,
        WEB_SOCKET,
        TUNNEL,
        /** Goes away in the middle of a request. */
        ABANDONED
    }

    /** What those in steady use do when the server stops. */
    private static final List<Kind> STEADY = List.of(
            Kind.GET, Kind.POST, Kind.POST, Kind.POST_IN_PIECES, Kind.CHUNKED, Kind.PIPELINED, Kind.SLOW, Kind.LARGE);

    /** What a client does, and the seed for its details. */
    record Step(Kind kind, long seed) {}

    /** What a client does before the stop, and around it again and again. */
    record Program(List<Step> steps, List<Step> atStop) {}

    /** A client of one server. */
    interface Client extends AutoCloseable {
        /** Does a step and says what it saw, the same for servers that behave the same. */
        String go(Step step) throws IOException;

        /** Whether a step failed because there was no connection, so that no request was lost. */
        boolean isRefused(IOException failure);

        /** What has become of the connection. */
        String atRest();

        @Override
        void close() throws IOException;
    }

    enum Transport {
        CLEAR,
        TLS,
        H2C,
        H2;

        boolean isSecure() {
            return this == TLS || this == H2;
        }

        boolean isHttp1() {
            return this == CLEAR || this == TLS;
        }

        /** In random order. */
        static List<Transport> draw(Random random) {
            List<Transport> all = new ArrayList<>(List.of(values()));
            Collections.shuffle(all, random);
            return all;
        }
    }

    /** The application's threads. */
    enum Pool {
        UNBOUNDED,
        SMALL,
        /** It may reject tasks, on plain Jetty too. */
        BOUNDED;

        QueuedThreadPool make(String name) {
            QueuedThreadPool result = switch (this) {
                case UNBOUNDED -> new QueuedThreadPool(200);
                case SMALL -> new QueuedThreadPool(8, 8);
                case BOUNDED -> new QueuedThreadPool(16, 8, 60_000, new ArrayBlockingQueue<>(32));
            };
            result.setName(name);
            return result;
        }
    }

    /** What is merely connected when the server stops, and sends nothing more. */
    enum Held {
        SILENT(""),
        HALF_A_HEADER("GET / HT"),
        HALF_A_BODY(BesideServer.HALF_A_BODY),
        IDLE("GET / HTTP/1.1\r\nHost: t\r\n\r\n"),
        WEB_SOCKET(BesideServer.WEB_SOCKET);

        final String sent;

        Held(String sent) {
            this.sent = sent;
        }
    }

    final Transport transport;
    final List<Program> programs;
    final Set<Held> held = EnumSet.noneOf(Held.class);
    final int stopAfterMs;

    CalmLife(Transport transport, Random random) {
        this.transport = transport;
        programs = Stream.generate(() -> program(random)).limit(CLIENTS).toList();
        for (Held kind : Held.values()) {
            if (random.nextBoolean()) {
                held.add(kind);
            }
        }
        stopAfterMs = random.nextInt(300, 700);
    }

    private static Program program(Random random) {
        List<Step> steps = draw(List.of(Kind.values()), STEPS, random);
        steps.add(new Step(Kind.IDLE, random.nextLong()));
        return new Program(steps, draw(STEADY, STEPS_AT_STOP, random));
    }

    private static List<Step> draw(List<Kind> kinds, int count, Random random) {
        List<Step> result = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            result.add(new Step(kinds.get(random.nextInt(kinds.size())), random.nextLong()));
        }
        return result;
    }
}
