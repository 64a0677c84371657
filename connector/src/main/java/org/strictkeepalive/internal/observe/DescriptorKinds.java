package org.strictkeepalive.internal.observe;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/**
 * What kinds of descriptors a process has open.
 *
 * @param files files and directories
 * @param deletedFiles files that are deleted, whose space is not free before they are closed
 * @param pipes pipes
 * @param sockets sockets
 * @param others selectors and other things without a name
 */
record DescriptorKinds(int files, int deletedFiles, int pipes, int sockets, int others) {
    private static final Path OWN = Path.of("/proc/self/fd");
    /** The most descriptors that are looked at: each costs a system call. */
    private static final int MOST = 100_000;

    /**
     * Counts the descriptors of this process. Throws if the system doesn't tell, or if no descriptor is free to read
     * the directory.
     */
    static DescriptorKinds own() throws IOException {
        return of(OWN, MOST);
    }

    static DescriptorKinds of(Path directory, int most) throws IOException {
        Map<Kind, Integer> counts = new EnumMap<>(Kind.class);
        int seen = 0;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                if (seen++ == most) {
                    break;
                }
                try {
                    counts.merge(Kind.of(Files.readSymbolicLink(entry).toString()), 1, Integer::sum);
                } catch (IOException x) {
                    // It was closed meanwhile.
                }
            }
        }
        return new DescriptorKinds(
                counts.getOrDefault(Kind.FILE, 0),
                counts.getOrDefault(Kind.DELETED_FILE, 0),
                counts.getOrDefault(Kind.PIPE, 0),
                counts.getOrDefault(Kind.SOCKET, 0),
                counts.getOrDefault(Kind.OTHER, 0));
    }

    private enum Kind {
        FILE,
        DELETED_FILE,
        PIPE,
        SOCKET,
        OTHER;

        private static Kind of(String target) {
            if (target.startsWith("/")) {
                return target.endsWith(" (deleted)") ? DELETED_FILE : FILE;
            }
            return target.startsWith("pipe:") ? PIPE : target.startsWith("socket:") ? SOCKET : OTHER;
        }
    }
}
