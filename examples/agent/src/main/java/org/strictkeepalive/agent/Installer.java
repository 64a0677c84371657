package org.strictkeepalive.agent;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Installs the policy in a server that starts, by the connector that its class loader sees. */
final class Installer implements Consumer<Object> {
    private static final String SERVER = "org.eclipse.jetty.server.Server";
    private static final String PREFIX = "org.strictkeepalive.";

    private static final Pattern VERSION = Pattern.compile("12\\.(\\d+)\\.(\\d+).*");
    private static final int OLDEST_OF_12_0 = 16;

    private final Map<String, String> settings;

    Installer(Map<String, String> settings) {
        this.settings = settings;
    }

    /**
     * Installs it.
     *
     * @throws IllegalArgumentException if settings contradict each other: the server must not start
     */
    @Override
    public void accept(Object server) {
        try {
            Class<?> type = serverClass(server.getClass());
            String version = (String) type.getMethod("getVersion").invoke(null);
            if (!isSupported(version)) {
                warn(server, "Jetty " + version + " (expected: 12.0.16 or later, below 13)");
                return;
            }
            if (isGoverned(type, server)) {
                return;
            }
            ClassLoader loader = connectorLoader(type);
            Class<?> policyClass = loader.loadClass(PREFIX + "KeepAlivePolicy");
            Object builder = policyClass.getMethod("builder").invoke(null);
            for (Map.Entry<String, String> setting : settings.entrySet()) {
                builder.getClass()
                        .getMethod("set", String.class, String.class)
                        .invoke(builder, setting.getKey(), setting.getValue());
            }
            Object policy = builder.getClass().getMethod("build").invoke(builder);
            loader.loadClass(PREFIX + "StrictKeepAlive")
                    .getMethod("install", type, policyClass)
                    .invoke(null, server, policy);
        } catch (InvocationTargetException x) {
            if (x.getCause() instanceof IllegalArgumentException wrong) {
                throw wrong;
            }
            warn(server, String.valueOf(x.getCause()));
        } catch (ReflectiveOperationException | LinkageError x) {
            warn(server, x.toString());
        }
    }

    /** What the connector needs of Jetty is not in earlier ones. */
    static boolean isSupported(String version) {
        Matcher parts = VERSION.matcher(version);
        return parts.matches()
                && (Integer.parseInt(parts.group(1)) > 0 || Integer.parseInt(parts.group(2)) >= OLDEST_OF_12_0);
    }

    private static void warn(Object server, String reason) {
        System.err.println("strict-keepalive agent: not governed: " + server + ": " + reason);
    }

    /** Programs extend the class. */
    private static Class<?> serverClass(Class<?> type) {
        Class<?> result = type;
        while (!result.getName().equals(SERVER)) {
            result = result.getSuperclass();
        }
        return result;
    }

    /** Whether the program has installed the policy itself: its settings stay. */
    private static boolean isGoverned(Class<?> type, Object server) throws ReflectiveOperationException {
        Class<?> connectorType = Class.forName("org.eclipse.jetty.server.Connector", false, type.getClassLoader());
        Method factories = connectorType.getMethod("getConnectionFactories");
        for (Object connector : (Object[]) type.getMethod("getConnectors").invoke(server)) {
            for (Object factory : (Iterable<?>) factories.invoke(connector)) {
                if (factory.getClass().getName().equals(PREFIX + "StrictKeepAliveConnectionFactory")) {
                    return true;
                }
            }
        }
        return false;
    }

    /** A loader whose connector has to do with this Jetty: the program's own, if it has one, else one of ours. */
    private static ClassLoader connectorLoader(Class<?> server) {
        ClassLoader jetty = server.getClassLoader();
        try {
            // The agent's own classes are on the class path of the JVM, which may be another loader than Jetty's.
            jetty.loadClass(PREFIX + "StrictKeepAlive").getMethod("install", server);
            return jetty;
        } catch (ClassNotFoundException | NoSuchMethodException | LinkageError x) {
            URL jar = Installer.class.getProtectionDomain().getCodeSource().getLocation();
            return new ConnectorLoader(jar, jetty);
        }
    }
}
