package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.StandardSocketOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.AbstractMetaDataConnection;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.ProxyConnectionFactory;
import org.eclipse.jetty.server.ProxyConnectionFactory.ProxyEndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.Attributes;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.connection.ConnectionView;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Applications that ask a request for its connection's endpoint see Jetty's own, of whatever class that is. */
class EndPointOfRequestTest {
    private static EndPoint endPoint(Request request) {
        return request.getConnectionMetaData().getConnection().getEndPoint();
    }

    private static boolean isTunnel(Connection connection) {
        return Arrays.stream(connection.getClass().getInterfaces())
                .anyMatch(type -> type.getSimpleName().equals("Tunnel"));
    }

    /** The endpoint and what it wraps, with PROXY's data. */
    private static String describe(EndPoint endPoint) {
        List<String> chain = new ArrayList<>();
        EndPoint next = endPoint;
        while (true) {
            String tlv = next instanceof ProxyEndPoint proxy ? Arrays.toString(proxy.getTLV(0xE0)) : "";
            chain.add(next.getClass().getSimpleName() + tlv);
            if (next instanceof SslConnection.SslEndPoint ssl) {
                next = ssl.getSslConnection().getEndPoint();
            } else if (next instanceof ProxyEndPoint proxy) {
                next = proxy.unwrap();
            } else {
                return chain.toString();
            }
        }
    }

    /** What handlers and customizers see, in the body and a field of the response. */
    private static String seen(boolean strict, boolean proxy, boolean tls) throws Exception {
        HttpConfiguration config = new HttpConfiguration();
        config.addCustomizer(new SecureRequestCustomizer(false));
        config.addCustomizer((request, fields) -> {
            fields.put("X-Seen", describe(endPoint(request)));
            return request;
        });
        HttpConnectionFactory http =
                strict ? new StrictKeepAliveConnectionFactory(config) : new HttpConnectionFactory(config);
        List<ConnectionFactory> factories = new ArrayList<>();
        if (proxy) {
            factories.add(new ProxyConnectionFactory());
        }
        if (tls) {
            factories.add(new SslConnectionFactory(Transport.serverContext(), http.getProtocol()));
        }
        factories.add(http);
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, 1, 1, factories.toArray(ConnectionFactory[]::new));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(TestServer.handler((request, response, callback) -> response.write(
                true,
                BufferUtil.toBuffer(
                        describe(endPoint(request)) + " "
                                + isTunnel(request.getConnectionMetaData().getConnection()) + " "
                                + request.getHttpURI().getScheme() + " " + Request.getRemoteAddr(request) + " "
                                + request.getConnectionMetaData()
                                        .getConnection()
                                        .getMessagesIn(),
                        StandardCharsets.US_ASCII),
                callback)));
        server.start();
        Transport transport = tls ? Transport.TLS : Transport.CLEAR;
        byte[] preface = proxy ? proxyHeader() : new byte[0];
        try (RawClient client = new RawClient(transport.connect(connector.getLocalPort(), preface))) {
            RawClient.Answer first = client.get();
            RawClient.Answer second = client.get();
            return first.field("X-Seen") + "\n" + first.body() + "\n" + second.body();
        } finally {
            server.stop();
        }
    }

    /** PROXY, version 2: from 192.0.2.1 over TCP, with a TLV of its own. */
    private static byte[] proxyHeader() {
        byte[] addresses = {(byte) 192, 0, 2, 1, (byte) 192, 0, 2, 2, 4, 0, 5, 0, (byte) 0xE0, 0, 3, 'a', 'b', 'c'};
        byte[] head = {13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10, 0x21, 0x11, 0, (byte) addresses.length};
        byte[] all = Arrays.copyOf(head, head.length + addresses.length);
        System.arraycopy(addresses, 0, all, head.length, addresses.length);
        return all;
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void itIsJettysOwnForHandlersAndCustomizers(boolean proxy, boolean tls) throws Exception {
        String plain = seen(false, proxy, tls);
        assertTrue(plain.contains(tls ? "SslEndPoint" : "SocketChannelEndPoint"), plain);
        assertTrue(!proxy || plain.contains("[97, 98, 99]"), plain);
        assertEquals(plain, seen(true, proxy, tls));
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void theConnectionOfAllRequestsIsOne(Transport transport) throws Exception {
        List<ConnectionMetaData> seen = new ArrayList<>();
        try (TestServer server =
                        TestServer.strict(transport, p -> p, TestServer.handler((request, response, callback) -> {
                            seen.add(request.getConnectionMetaData());
                            response.write(true, BufferUtil.toBuffer("a"), callback);
                        }));
                RawClient client = server.connect()) {
            client.get();
            client.get();
        }
        assertSame(seen.get(0), seen.get(1));
        assertSame(seen.get(0), seen.get(0).getConnection());
    }

    /** Tools that inject faults cast it. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void theConnectionIsOfTheNearestPublicClassOfJettys(Transport transport) throws Exception {
        try (TestServer server =
                        TestServer.strict(transport, p -> p, TestServer.handler((request, response, callback) -> {
                            AbstractMetaDataConnection own =
                                    (AbstractMetaDataConnection) request.getConnectionMetaData();
                            own.setAttribute("c", "d");
                            response.write(
                                    true,
                                    BufferUtil.toBuffer(
                                            own.getEndPoint().getClass().getSimpleName() + " "
                                                    + Request.unWrap(request)
                                                            .getConnectionMetaData()
                                                            .getAttribute("c")),
                                    callback);
                        }));
                RawClient client = server.connect()) {
            assertEquals(
                    transport == Transport.TLS ? "SslEndPoint d" : "SocketChannelEndPoint d",
                    client.get().body());
        }
    }

    /** Else it would be answered by a second connection that knows nothing. */
    @Test
    void everyMethodThatJettysConnectionOverridesIsPassedOn() throws Exception {
        // New in Jetty 12.1 or gone there, asked of the endpoint or given at the start; toString is final.
        Set<String> own = Set.of(
                "getEndPoint",
                "getConnection",
                "getConnector",
                "getHttpConfiguration",
                "getInvocationType",
                "toString",
                "fillInterested",
                "onFillInterestedFailed");
        for (Method method : AbstractMetaDataConnection.class.getMethods()) {
            if (method.getDeclaringClass() == Object.class
                    || Modifier.isStatic(method.getModifiers())
                    || (method.getDeclaringClass() == Attributes.class && method.isDefault())
                    || own.contains(method.getName())) {
                continue;
            }
            assertEquals(
                    ConnectionView.class,
                    ConnectionView.class
                            .getMethod(method.getName(), method.getParameterTypes())
                            .getDeclaringClass(),
                    method.toString());
        }
    }

    /** As tools that inject faults do. */
    @Test
    void whoResetsTheSocketItselfCanDoSo() throws Exception {
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p, TestServer.handler((request, response, callback) -> {
                            SocketChannelEndPoint socket = (SocketChannelEndPoint) endPoint(request);
                            socket.getChannel().setOption(StandardSocketOptions.SO_LINGER, 0);
                            socket.close();
                            callback.failed(new IOException("on purpose"));
                        }));
                RawClient client = server.connect()) {
            client.send(RawClient.GET);
            assertThrows(IOException.class, client::readAll, "a reset");
            server.awaitOpen(0);
            server.assertNumbersAddUp();
        }
    }
}
