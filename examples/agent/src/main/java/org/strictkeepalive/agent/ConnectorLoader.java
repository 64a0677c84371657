package org.strictkeepalive.agent;

import java.net.URL;
import java.net.URLClassLoader;

/** Loads the connector from the agent's jar, and all else from the loader of the Jetty that it governs. */
final class ConnectorLoader extends URLClassLoader {
    private static final String PREFIX = "org.strictkeepalive.";

    ConnectorLoader(URL jar, ClassLoader jetty) {
        super("strict-keepalive", new URL[] {jar}, jetty);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(PREFIX)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            // Not the parent's: those of the JVM's class path see another Jetty, or none.
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : findClass(name);
        }
    }
}
