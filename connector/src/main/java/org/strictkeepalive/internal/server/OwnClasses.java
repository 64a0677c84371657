package org.strictkeepalive.internal.server;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.internal.observe.Holders;
import org.strictkeepalive.internal.observe.Wait;
import org.strictkeepalive.internal.policy.Arrival;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.FairShare;

/**
 * Loads the classes of this project before they are needed, if they lie in a directory. With no descriptor free a class
 * can't be loaded from a directory, and the JVM remembers that failure for good. The JDK's class loaders, and those that
 * extend them, keep a jar open: from there each class is loaded when it is needed. Others may close it, as Equinox does
 * with many bundles: from there the classes of relief are loaded.
 */
final class OwnClasses {
    private static final Logger LOG = LoggerFactory.getLogger(OwnClasses.class);
    private static final String SUFFIX = ".class";

    private OwnClasses() {}

    static void load() {
        CodeSource source = OwnClasses.class.getProtectionDomain().getCodeSource();
        URL location = source == null ? null : source.getLocation();
        ClassLoader loader = OwnClasses.class.getClassLoader();
        if (location != null
                && location.getProtocol().equals("file")
                && location.getPath().endsWith("/")) {
            try {
                load(Path.of(location.toURI()));
            } catch (IOException | URISyntaxException | RuntimeException x) {
                LOG.debug("Unable to list {}", location, x);
            }
        } else if (!(loader instanceof URLClassLoader) && loader != ClassLoader.getSystemClassLoader()) {
            // To name a class is to load it.
            LOG.debug(
                    "Loaded {}",
                    List.of(
                            Relief.class,
                            Eviction.class,
                            Eviction.Candidate.class,
                            Slowest.class,
                            Census.class,
                            Census.Snapshot.class,
                            Census.Longest.class,
                            Census.Seen.class,
                            Census.Idle.class,
                            Holders.class,
                            Wait.class,
                            ClientRate.class,
                            FairShare.class,
                            Arrival.class));
        }
    }

    private static void load(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory.resolve("org/strictkeepalive"))) {
            files.map(file -> directory.relativize(file).toString())
                    .filter(file -> file.endsWith(SUFFIX))
                    .forEach(OwnClasses::load);
        }
    }

    private static void load(String file) {
        String name = file.substring(0, file.length() - SUFFIX.length()).replace(File.separatorChar, '.');
        try {
            Class.forName(name, false, OwnClasses.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError x) {
            LOG.debug("Unable to load {}", name, x); // It needs an optional dependency.
        }
    }
}
