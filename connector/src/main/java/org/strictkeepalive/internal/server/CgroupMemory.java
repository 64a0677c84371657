package org.strictkeepalive.internal.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.PressureSource;

/**
 * The share of its memory that a cgroup uses, without what the kernel can drop. Of a cgroup and those around it, the
 * highest share counts.
 */
public final class CgroupMemory implements PressureSource {
    private static final Logger LOG = LoggerFactory.getLogger(CgroupMemory.class);
    private static final Path MOUNTED = Path.of("/sys/fs/cgroup");
    private static final Path OWN = Path.of("/proc/self/cgroup");

    /** The files of one version: its limit, its usage, and the name of what can be dropped in {@code memory.stat}. */
    private record Version(String limit, String usage, String droppable) {}

    private static final Version ONE =
            new Version("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");
    private static final Version TWO = new Version("memory.max", "memory.current", "inactive_file ");

    /** For so long a share counts after it was read last. With no descriptor free none can be read. */
    private static final long KEPT = TimeUnit.SECONDS.toNanos(10);

    private static final class Group {
        private final Path directory;
        private final Version version;
        private double share;
        private long readAt;
        private boolean read;

        private Group(Path directory, Version version) {
            this.directory = directory;
            this.version = version;
        }

        /** Reads the share. If that fails, it stays for a while, and then is 0. Returns whether it is known. */
        synchronized boolean update(long now) {
            try {
                share = CgroupMemory.share(this);
                readAt = now;
                read = true;
            } catch (IOException | RuntimeException x) {
                LOG.debug("Unable to read {}", directory, x);
                read &= now - readAt < KEPT;
            }
            return read;
        }

        synchronized double share() {
            return read ? share : 0;
        }
    }

    private final List<Group> groups;

    /**
     * Creates a source.
     *
     * @param mounted where the cgroups are mounted
     * @param own the lines that tell a process's cgroups, as in {@code /proc/self/cgroup}
     */
    CgroupMemory(Path mounted, List<String> own) {
        List<Group> found = new ArrayList<>();
        for (String line : own) {
            String[] parts = line.split(":", 3);
            if (parts.length == 3 && parts[0].equals("0") && parts[1].isEmpty()) {
                add(found, mounted, parts[2], TWO);
            } else if (parts.length == 3 && List.of(parts[1].split(",")).contains("memory")) {
                add(found, mounted.resolve("memory"), parts[2], ONE);
            }
        }
        groups = List.copyOf(found);
    }

    public static PressureSource ofThisProcess() {
        try {
            return new CgroupMemory(MOUNTED, Files.exists(OWN) ? Files.readAllLines(OWN) : List.of());
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    /** Adds the cgroup and those around it. In a container the path may be the host's: then only the root is there. */
    private static void add(List<Group> found, Path root, String path, Version version) {
        Path directory =
                root.resolve(path.substring(Math.min(1, path.length()))).normalize();
        if (!directory.startsWith(root)) {
            directory = root; // "/../x": the process was moved out of the cgroup that its namespace has for the root.
        }
        while (directory != null && directory.startsWith(root)) {
            if (Files.isReadable(directory.resolve(version.limit))) {
                found.add(new Group(directory, version));
            }
            directory = directory.getParent();
        }
    }

    @Override
    public double getPressure() {
        return getPressure(System.nanoTime());
    }

    double getPressure(long now) {
        double highest = 0;
        boolean known = groups.isEmpty();
        for (Group group : groups) {
            known |= group.update(now);
            highest = Math.max(highest, group.share());
        }
        if (!known) {
            throw new IllegalStateException("No memory of a cgroup can be read: " + groups.get(0).directory);
        }
        return highest;
    }

    private static double share(Group group) throws IOException {
        Path directory = group.directory;
        Version version = group.version;
        String limit = Files.readString(directory.resolve(version.limit)).trim();
        if (limit.equals("max")) {
            return 0;
        }
        // Version 1 has a number near 2^63 for no limit: the share is then about 0.
        double most = Double.parseDouble(limit);
        long used = Long.parseLong(
                Files.readString(directory.resolve(version.usage)).trim());
        long droppable = 0;
        for (String line : Files.readAllLines(directory.resolve("memory.stat"))) {
            if (line.startsWith(version.droppable)) {
                droppable = Long.parseLong(
                        line.substring(version.droppable.length()).trim());
            }
        }
        return most <= 0 ? 1 : Math.max(0, used - droppable) / most;
    }

    @Override
    public String toString() {
        return "memory of the cgroup";
    }
}
