package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.lang.reflect.Array;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.felix.framework.FrameworkFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;

/** The connector's jar as a bundle beside Jetty's own, in a framework that shares no class with this test. */
class OsgiIT {
    private static final Pattern BUNDLES = Pattern.compile(
            "(asm|org\\.apache\\.aries\\.spifly|slf4j-api|jetty-(http|io|server|slf4j-impl|strict-keepalive|util))\\b.*\\.jar");

    @TempDir
    private Path directory;

    @Test
    void theBundleResolvesAndServes() throws Exception {
        Framework framework = new FrameworkFactory()
                .newFramework(Map.of(
                        Constants.FRAMEWORK_STORAGE,
                        directory.toString(),
                        Constants.FRAMEWORK_BOOTDELEGATION,
                        "",
                        "felix.log.level",
                        "1"));
        framework.start();
        try {
            Bundle connector = null;
            List<Bundle> bundles = new ArrayList<>();
            StringTokenizer paths = new StringTokenizer(System.getProperty("java.class.path"), File.pathSeparator);
            while (paths.hasMoreTokens()) {
                File file = new File(paths.nextToken());
                if (BUNDLES.matcher(file.getName()).matches() && !file.getName().endsWith("-tests.jar")) {
                    Bundle bundle = framework
                            .getBundleContext()
                            .installBundle(file.toURI().toString());
                    if (bundle.getHeaders().get(Constants.FRAGMENT_HOST) == null) {
                        bundles.add(bundle);
                    }
                    if ("org.strictkeepalive".equals(bundle.getSymbolicName())) {
                        connector = bundle;
                    }
                }
            }
            for (Bundle bundle : bundles) {
                bundle.start();
            }
            assertEquals(Bundle.ACTIVE, connector.getState());
            serve(connector);
        } finally {
            framework.stop();
            framework.waitForStop(TimeUnit.SECONDS.toMillis(20));
        }
    }

    /** A server made of the bundles' classes, which this test's own are not. */
    private static void serve(Bundle bundle) throws Exception {
        Class<?> factoryClass = bundle.loadClass("org.strictkeepalive.StrictKeepAliveConnectionFactory");
        Class<?> serverClass = bundle.loadClass("org.eclipse.jetty.server.Server");
        Class<?> connectorClass = bundle.loadClass("org.eclipse.jetty.server.ServerConnector");
        Class<?> anyFactory = bundle.loadClass("org.eclipse.jetty.server.ConnectionFactory");
        Object factories = Array.newInstance(anyFactory, 1);
        Array.set(factories, 0, factoryClass.getConstructor().newInstance());
        Object server = serverClass.getConstructor().newInstance();
        Object connector =
                connectorClass.getConstructor(serverClass, factories.getClass()).newInstance(server, factories);
        serverClass
                .getMethod("addConnector", bundle.loadClass("org.eclipse.jetty.server.Connector"))
                .invoke(server, connector);
        serverClass.getMethod("start").invoke(server);
        try {
            int port = (int) connectorClass.getMethod("getLocalPort").invoke(connector);
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setSoTimeout(60_000);
                socket.getOutputStream()
                        .write("GET / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
                byte[] start = new byte[1024];
                int length = socket.getInputStream().read(start);
                String answer = new String(start, 0, length, StandardCharsets.ISO_8859_1);
                assertTrue(answer.startsWith("HTTP/1.1 404 "), answer);
                assertTrue(answer.contains("\r\nKeep-Alive: timeout=29, max=9999\r\n"), answer);
            }
        } finally {
            serverClass.getMethod("stop").invoke(server);
        }
    }
}
