package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.lang.reflect.Array;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.felix.framework.FrameworkFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.namespace.PackageNamespace;
import org.osgi.framework.wiring.BundleWiring;

/** The connector's jar as a bundle beside Jetty's own, in a framework that shares no class with this test. */
class OsgiIT {
    private static final Pattern BUNDLES = Pattern.compile(
            "(asm|org\\.apache\\.aries\\.spifly|slf4j-api|jetty-(http|io|server|slf4j-impl|strict-keepalive|util))\\b.*\\.jar");

    private static final Pattern BUNDLES_OF_HTTP2 = Pattern.compile("jetty-http2-(common|hpack|server)-\\d.*\\.jar");

    /** When the bundles of HTTP/2 are there. */
    enum Http2 {
        NEVER,
        FROM_THE_START,
        /** The connector's bundle is not wired to them, so it serves them, but does not govern them. */
        LATER
    }

    @TempDir
    private Path directory;

    @ParameterizedTest
    @EnumSource
    void theBundleResolvesAndServes(Http2 http2) throws Exception {
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
            List<Bundle> bundles = install(framework, BUNDLES);
            if (http2 == Http2.FROM_THE_START) {
                bundles.addAll(install(framework, BUNDLES_OF_HTTP2));
            }
            start(bundles);
            Bundle connector = named(bundles, "org.strictkeepalive");
            assertEquals(Bundle.ACTIVE, connector.getState());
            if (http2 == Http2.LATER) {
                List<Bundle> late = install(framework, BUNDLES_OF_HTTP2);
                start(late);
                bundles.addAll(late);
            }
            assertEquals(
                    http2 == Http2.FROM_THE_START,
                    connector.adapt(BundleWiring.class).getRequiredWires(PackageNamespace.PACKAGE_NAMESPACE).stream()
                            .anyMatch(
                                    wire -> String.valueOf(wire.getCapability()).contains("org.eclipse.jetty.http2")));
            if (http2 == Http2.NEVER) {
                serve(connector);
            } else {
                Map<?, ?> expected = Map.of("HTTP/1.1", 0, "HTTP/2", http2 == Http2.FROM_THE_START ? 1 : 0, "none", 0);
                assertEquals(expected, serveHttp2(connector, named(bundles, "org.eclipse.jetty.http2.server")));
            }
        } finally {
            framework.stop();
            framework.waitForStop(TimeUnit.SECONDS.toMillis(20));
        }
    }

    /** Installs bundles from the class path, and returns those that can be started. */
    private static List<Bundle> install(Framework framework, Pattern names) throws Exception {
        List<Bundle> bundles = new ArrayList<>();
        StringTokenizer paths = new StringTokenizer(System.getProperty("java.class.path"), File.pathSeparator);
        while (paths.hasMoreTokens()) {
            File file = new File(paths.nextToken());
            if (names.matcher(file.getName()).matches() && !file.getName().endsWith("-tests.jar")) {
                Bundle bundle =
                        framework.getBundleContext().installBundle(file.toURI().toString());
                if (bundle.getHeaders().get(Constants.FRAGMENT_HOST) == null) {
                    bundles.add(bundle);
                }
            }
        }
        return bundles;
    }

    private static void start(List<Bundle> bundles) throws Exception {
        for (Bundle bundle : bundles) {
            bundle.start();
        }
    }

    private static Bundle named(List<Bundle> bundles, String name) {
        return bundles.stream()
                .filter(bundle -> name.equals(bundle.getSymbolicName()))
                .findFirst()
                .orElseThrow();
    }

    /** A server made of the bundles' classes, which this test's own are not. */
    private static void serve(Bundle bundle) throws Exception {
        Object factory = bundle.loadClass("org.strictkeepalive.StrictKeepAliveConnectionFactory")
                .getConstructor()
                .newInstance();
        withServer(bundle, List.of(factory), (server, port) -> {
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
            return null;
        });
    }

    /** A server that speaks HTTP/2 as well. Returns its governed connections by protocol, with one of HTTP/2 open. */
    private static Map<?, ?> serveHttp2(Bundle bundle, Bundle http2) throws Exception {
        Class<?> configuration = bundle.loadClass("org.eclipse.jetty.server.HttpConfiguration");
        Object config = configuration.getConstructor().newInstance();
        Object factory = bundle.loadClass("org.strictkeepalive.StrictKeepAliveConnectionFactory")
                .getConstructor()
                .newInstance();
        Object ofHttp2 = http2.loadClass("org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory")
                .getConstructor(configuration)
                .newInstance(config);
        return withServer(bundle, List.of(factory, ofHttp2), (server, port) -> {
            HttpResponse<Void> response = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/"))
                                    .build(),
                            HttpResponse.BodyHandlers.discarding());
            assertEquals("HTTP_2 404", response.version() + " " + response.statusCode());
            Object monitor = server.getClass()
                    .getMethod("getBean", Class.class)
                    .invoke(server, bundle.loadClass("org.strictkeepalive.DescriptorMonitor"));
            Object statistics = monitor.getClass().getMethod("getStatistics").invoke(monitor);
            return (Map<?, ?>)
                    statistics.getClass().getMethod("getConnectionsByProtocol").invoke(statistics);
        });
    }

    @FunctionalInterface
    private interface Use<T> {
        T of(Object server, int port) throws Exception;
    }

    private static <T> T withServer(Bundle bundle, List<Object> all, Use<T> use) throws Exception {
        Class<?> serverClass = bundle.loadClass("org.eclipse.jetty.server.Server");
        Class<?> connectorClass = bundle.loadClass("org.eclipse.jetty.server.ServerConnector");
        Class<?> anyFactory = bundle.loadClass("org.eclipse.jetty.server.ConnectionFactory");
        Object factories = Array.newInstance(anyFactory, all.size());
        for (int i = 0; i < all.size(); i++) {
            Array.set(factories, i, all.get(i));
        }
        Object server = serverClass.getConstructor().newInstance();
        Object connector =
                connectorClass.getConstructor(serverClass, factories.getClass()).newInstance(server, factories);
        serverClass
                .getMethod("addConnector", bundle.loadClass("org.eclipse.jetty.server.Connector"))
                .invoke(server, connector);
        serverClass.getMethod("start").invoke(server);
        try {
            return use.of(server, (int) connectorClass.getMethod("getLocalPort").invoke(connector));
        } finally {
            serverClass.getMethod("stop").invoke(server);
        }
    }
}
