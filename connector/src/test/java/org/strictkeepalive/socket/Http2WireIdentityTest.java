package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.FrameClient.Frame;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** With every limit off, a client of HTTP/2 gets the frames that plain Jetty sends, up to the close. */
class Http2WireIdentityTest {
    private static final int IDLE_TIMEOUT_MS = 700;
    private static final int MOST_TRIES = 5;

    /** What a client sends, up to the idle timeout. */
    enum Talk {
        NOTHING {
            @Override
            void send(FrameClient client) {}
        },
        SETTINGS_ONLY {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings();
            }
        },
        REQUESTS {
            @Override
            void send(FrameClient client) throws IOException {
                // One after the other, since the table of fields depends on the order of the responses.
                client.settings().ask(1).get(3, "/a?b").awaitResponse(3);
                client.get(5, "/missing");
            }
        },
        UPLOAD {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().post(1, "/echo").data(1, 100, false).data(1, 1000, true);
            }
        },
        UPLOAD_THAT_STOPS {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().post(1, "/echo").data(1, 100, false);
            }
        },
        UPLOAD_THAT_NOBODY_READS {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().post(1, "/").data(1, 100, false);
            }
        },
        HALF_HEADERS {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().halfHeaders(1);
            }
        },
        HEADERS_IN_TWO_PARTS {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().halfHeaders(1).restOfHeaders(1);
            }
        },
        CANCELLED {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().get(1, "/never").cancel(1).get(3, "/");
            }
        },
        PINGS {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().ping().ping().get(1, "/").ping();
            }
        },
        NO_WINDOW {
            @Override
            void send(FrameClient client) throws IOException {
                client.settingsWithoutWindow().get(1, "/");
            }
        },
        FAILURE {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().get(1, "/fail");
            }
        },
        DATA_WITHOUT_A_STREAM {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().data(1, 10, true);
            }
        },
        STREAM_OF_THE_SERVER {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().get(2, "/");
            }
        },
        STREAM_TWICE {
            @Override
            void send(FrameClient client) throws IOException {
                client.settings().ask(1).get(1, "/");
            }
        };

        abstract void send(FrameClient client) throws IOException;
    }

    static Stream<Arguments> talks() {
        return Stream.of(Transport.values())
                .flatMap(transport -> Stream.of(Talk.values()).map(talk -> Arguments.of(transport, talk)));
    }

    private static Handler handler() {
        return TestServer.handler((request, response, callback) -> {
            switch (Request.getPathInContext(request)) {
                case "/echo" -> Content.copy(request, response, callback);
                case "/never" -> {}
                case "/fail" -> throw new IllegalStateException("on purpose");
                case "/missing" -> {
                    response.setStatus(404);
                    callback.succeeded();
                }
                default ->
                    response.write(
                            true, BufferUtil.toBuffer(request.getHttpURI().toString()), callback);
            }
        });
    }

    /** The frames of each stream, in their order. Jetty sends those of different streams in any order. */
    private static Map<Integer, List<String>> frames(Transport transport, Talk talk, KeepAlivePolicy policy)
            throws Exception {
        try (TestServer server = TestServer.http2(transport, policy, handler())) {
            server.config.setSendDateHeader(false);
            server.connector.setIdleTimeout(IDLE_TIMEOUT_MS);
            server.start();
            Map<Integer, List<String>> result = new TreeMap<>();
            try (FrameClient client = server.connectHttp2()) {
                talk.send(client);
                client.rest();
                for (Frame frame : client.frames()) {
                    result.computeIfAbsent(frame.stream(), stream -> new ArrayList<>())
                            .add(frame.type() + " " + frame.flags() + " "
                                    + HexFormat.of().formatHex(frame.payload().array()));
                }
            }
            return result;
        }
    }

    @ParameterizedTest
    @MethodSource("talks")
    void framesArePlainJettys(Transport transport, Talk talk) throws Exception {
        Set<Map<Integer, List<String>>> plain = new HashSet<>();
        Set<Map<Integer, List<String>>> strict = new HashSet<>();
        // What Jetty answers to a stream that ends depends on which of its threads is faster.
        for (int i = 0; i < MOST_TRIES && Collections.disjoint(plain, strict); i++) {
            plain.add(frames(transport, talk, null));
            strict.add(frames(transport, talk, TestServer.OFF));
        }
        assertFalse(Collections.disjoint(plain, strict), () -> "plain:  " + plain + "\nstrict: " + strict);
        assertTrue(talk == Talk.NOTHING || plain.stream().noneMatch(Map::isEmpty));
    }
}
