package org.strictkeepalive.examples;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The descriptors of a running process, as Linux's {@code /proc} tells them. */
final class ProcessDescriptors {
    private static final Path PROC = Path.of("/proc");
    private static final Pattern INODE = Pattern.compile("(socket|pipe):\\[(\\d+)]");
    private static final Pattern LIMIT = Pattern.compile("Max open files\\s+(\\S+)\\s+(\\S+)");
    private static final String[] STATES = {
        "",
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING"
    };

    /** A TCP socket; the number of its inode grows with the time of its making. */
    record Socket(long inode, InetSocketAddress local, InetSocketAddress remote, String state) {}

    private final long pid;
    private final List<String> kinds = new ArrayList<>();
    private final List<Socket> sockets = new ArrayList<>();
    private long limit;

    private ProcessDescriptors(long pid) {
        this.pid = pid;
    }

    static ProcessDescriptors of(long pid) throws IOException {
        requireProc();
        ProcessDescriptors result = new ProcessDescriptors(pid);
        try {
            result.read();
        } catch (NoSuchFileException x) {
            throw new IllegalArgumentException(pid + " (expected: the id of a running process)", x);
        } catch (AccessDeniedException x) {
            throw new IllegalArgumentException(pid + " (expected: a process of the same user, or run this as root)", x);
        }
        return result;
    }

    private static void requireProc() {
        if (!Files.isDirectory(PROC.resolve("self/fd"))) {
            throw new IllegalArgumentException(
                    "inspect needs Linux's /proc, which is not there on " + System.getProperty("os.name"));
        }
    }

    /** The process that listens at a port of this machine. */
    static long listeningAt(int port) throws IOException {
        requireProc();
        Set<String> links = new HashSet<>();
        for (Socket socket : sockets(PROC.resolve("self"))) {
            if (socket.state.equals("LISTEN") && socket.local.getPort() == port) {
                links.add("socket:[" + socket.inode + "]");
            }
        }
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path process : processes) {
                if (links(process).anyMatch(links::contains)) {
                    return Long.parseLong(process.getFileName().toString());
                }
            }
        }
        throw new IllegalArgumentException(
                "port " + port + " (expected: one that a process listens at which may be looked at)");
    }

    private static Stream<String> links(Path process) {
        List<String> result = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path entry : entries) {
                result.add(link(entry));
            }
        } catch (IOException x) {
            // Another user's process, or one that has just ended.
            return Stream.empty();
        }
        return result.stream();
    }

    /** What a descriptor is. To see the list of a process's descriptors is not yet to be allowed to look at each. */
    private static String link(Path entry) throws AccessDeniedException {
        try {
            return Files.readSymbolicLink(entry).toString();
        } catch (AccessDeniedException x) {
            throw x;
        } catch (IOException x) {
            return ""; // Closed meanwhile.
        }
    }

    private void read() throws IOException {
        Path process = PROC.resolve(Long.toString(pid));
        Matcher limits = LIMIT.matcher(Files.readString(process.resolve("limits")));
        limit = limits.find() && !limits.group(1).equals("unlimited") ? Long.parseLong(limits.group(1)) : -1;
        Map<Long, Socket> byInode = new HashMap<>();
        for (Socket socket : sockets(process)) {
            byInode.put(socket.inode, socket);
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path entry : entries) {
                String link = link(entry);
                Matcher matcher = INODE.matcher(link);
                Socket socket = matcher.matches() ? byInode.get(Long.parseLong(matcher.group(2))) : null;
                if (socket != null) {
                    sockets.add(socket);
                }
                if (!link.isEmpty()) {
                    kinds.add(kind(link, socket));
                }
            }
        }
    }

    private static String kind(String link, Socket socket) {
        if (socket != null) {
            return "TCP socket " + socket.state;
        }
        if (link.startsWith("socket:")) {
            return "other socket";
        }
        if (link.startsWith("pipe:")) {
            return "pipe";
        }
        if (link.startsWith("anon_inode:")) {
            return link.substring("anon_inode:".length()).replaceAll("[\\[\\]]", "");
        }
        if (link.startsWith("/dev/")) {
            return "device";
        }
        return link.endsWith(" (deleted)") ? "deleted file" : "file";
    }

    private static List<Socket> sockets(Path process) throws IOException {
        List<Socket> result = new ArrayList<>();
        for (String table : List.of("net/tcp", "net/tcp6")) {
            Path file = process.resolve(table);
            if (Files.exists(file)) {
                Files.readAllLines(file).stream()
                        .skip(1)
                        .map(line -> line.trim().split("\\s+"))
                        .forEach(f -> result.add(new Socket(
                                Long.parseLong(f[9]),
                                address(f[1]),
                                address(f[2]),
                                STATES[Integer.parseInt(f[3], 16)])));
            }
        }
        return result;
    }

    /** Such as {@code 0100007F:1F90}: words of four bytes in the machine's order, here little-endian. */
    private static InetSocketAddress address(String hex) {
        int colon = hex.indexOf(':');
        byte[] bytes = new byte[colon / 2];
        for (int i = 0; i < bytes.length; i++) {
            int from = (i / 4 * 4 + 3 - i % 4) * 2;
            bytes[i] = (byte) Integer.parseInt(hex.substring(from, from + 2), 16);
        }
        try {
            return new InetSocketAddress(
                    InetAddress.getByAddress(bytes), Integer.parseInt(hex.substring(colon + 1), 16));
        } catch (UnknownHostException x) {
            throw new IllegalStateException(hex, x);
        }
    }

    long pid() {
        return pid;
    }

    /** The soft limit, -1 for none. */
    long limit() {
        return limit;
    }

    /** What each open descriptor is. */
    List<String> kinds() {
        return kinds;
    }

    /** The connections that came in: TCP sockets at a port that the process listens at. */
    List<Socket> accepted() {
        Set<Integer> ports = new HashSet<>();
        sockets.stream().filter(socket -> socket.state.equals("LISTEN")).forEach(s -> ports.add(s.local.getPort()));
        return sockets.stream()
                .filter(socket -> !socket.state.equals("LISTEN") && ports.contains(socket.local.getPort()))
                .toList();
    }
}
