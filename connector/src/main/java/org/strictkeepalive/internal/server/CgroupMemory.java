package org.strictkeepalive.internal.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.strictkeepalive.PressureSource;

/**
 * The share of its memory that a cgroup uses, without what the kernel can drop. Of a cgroup and those around it, the
 * highest share counts.
 */
public final class CgroupMemory implements PressureSource {
    private static final Path MOUNTED = Path.of("/sys/fs/cgroup");
    private static final Path OWN = Path.of("/proc/self/cgroup");

    /** The files of one version: its limit, its usage, and the name of what can be dropped in {@code memory.stat}. */
    private record Version(String limit, String usage, String droppable) {}

    private static final Version ONE =
            new Version("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");
    private static final Version TWO = new Version("memory.max", "memory.current", "inactive_file ");

    private static final class Group {
        private final Path directory;
        private final Version version;
        /** The last share that could be read. With no descriptor free none can be. */
        private volatile double share;

        private Group(Path directory, Version version) {
            this.directory = directory;
            this.version = version;
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
        double highest = 0;
        int unread = 0;
        IOException failure = null;
        for (Group group : groups) {
            try {
                group.share = share(group);
            } catch (IOException x) {
                unread++;
                failure = x;
            }
            highest = Math.max(highest, group.share);
        }
        if (failure != null && unread == groups.size()) {
            throw new UncheckedIOException(failure);
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
