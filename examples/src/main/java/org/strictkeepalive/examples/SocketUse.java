package org.strictkeepalive.examples;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a socket is used for at the moment, as far as the kernel knows: whom the exchange on it waits for. From outside a
 * server that works on its answer can't be told from one whose client has stopped to send its body.
 */
enum SocketUse {
    BODY("busy: the client sends its request"),
    READING("busy: the client has not taken the answer"),
    APPLICATION("busy: no answer yet"),
    GONE("busy: the client has gone"),
    CLOSING("closed by the server"),
    IDLE("idle"),
    SILENT("idle: nothing sent yet"),
    UNKNOWN("unknown");

    private static final Pattern INODE = Pattern.compile("\\bino:(\\d+)");
    private static final Pattern QUEUES = Pattern.compile("^\\S+\\s+(\\d+)\\s+(\\d+)\\s");
    private static final Pattern LAST_SENT = Pattern.compile("\\blastsnd:(\\d+)");
    private static final Pattern LAST_RECEIVED = Pattern.compile("\\blastrcv:(\\d+)");
    private static final Pattern SENT = Pattern.compile("\\bbytes_sent:(\\d+)");
    private static final Pattern RECEIVED = Pattern.compile("\\bbytes_received:(\\d+)");
    /** The time between the two looks that tell whether something moves. */
    private static final long BETWEEN_MS = 1_000;

    private final String shown;

    SocketUse(String shown) {
        this.shown = shown;
    }

    @Override
    public String toString() {
        return shown;
    }

    boolean isBusy() {
        return compareTo(GONE) <= 0;
    }

    /**
     * What the kernel says of a socket.
     *
     * @param unsent the bytes that the other end has not taken
     * @param lastSent for how many milliseconds nothing was sent
     */
    record Traffic(long unsent, long lastSent, long lastReceived, long sent, long received) {
        /** For how many milliseconds nothing was sent or received. */
        long idleMillis() {
            return Math.min(lastSent, lastReceived);
        }
    }

    /** Tells the use of a socket from its state, and from two looks at it; null for one that the kernel didn't tell of. */
    static SocketUse of(String state, Traffic before, Traffic now) {
        if (state.equals("CLOSE_WAIT")) {
            return GONE;
        }
        if (!state.equals("ESTABLISHED")) {
            return CLOSING;
        }
        if (before == null || now == null) {
            return UNKNOWN;
        }
        if (before.unsent > 0 && now.unsent > 0) {
            return READING;
        }
        if (now.received > before.received && now.sent == before.sent) {
            return BODY;
        }
        if (now.received == 0) {
            return SILENT;
        }
        return now.sent == 0 || now.lastReceived < now.lastSent ? APPLICATION : IDLE;
    }

    /** Two looks at all sockets, by the numbers of their inodes. */
    record Looks(Map<Long, Traffic> before, Map<Long, Traffic> now) {
        /** Empty if the program {@code ss} is not installed: the kernel tells only that. */
        static Looks take() throws IOException, InterruptedException {
            Map<Long, Traffic> before = look();
            if (before.isEmpty()) {
                return new Looks(before, before);
            }
            Thread.sleep(BETWEEN_MS);
            return new Looks(before, look());
        }

        SocketUse use(ProcessDescriptors.Socket socket) {
            return of(socket.state(), before.get(socket.inode()), now.get(socket.inode()));
        }

        /** For how many milliseconds nothing was sent or received, null if that is not known. */
        Long idleMillis(ProcessDescriptors.Socket socket) {
            Traffic traffic = now.get(socket.inode());
            return traffic == null ? null : traffic.idleMillis();
        }
    }

    private static Map<Long, Traffic> look() throws IOException, InterruptedException {
        Process ss;
        try {
            ss = new ProcessBuilder("ss", "-HOtnei").redirectErrorStream(true).start();
        } catch (IOException x) {
            return Map.of();
        }
        String output = new String(ss.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        ss.waitFor();
        return parse(output);
    }

    static Map<Long, Traffic> parse(String output) {
        Map<Long, Traffic> result = new HashMap<>();
        output.lines().forEach(line -> {
            Matcher queues = QUEUES.matcher(line);
            long inode = number(INODE, line);
            // A line without details has no rto. Numbers that are 0 are left out.
            if (inode > 0 && queues.find() && line.contains(" rto:")) {
                result.put(
                        inode,
                        new Traffic(
                                Long.parseLong(queues.group(2)),
                                number(LAST_SENT, line),
                                number(LAST_RECEIVED, line),
                                number(SENT, line),
                                number(RECEIVED, line)));
            }
        });
        return result;
    }

    private static long number(Pattern pattern, String line) {
        Matcher matcher = pattern.matcher(line);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }
}
