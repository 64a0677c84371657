package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.KeepAlivePolicy;

/** A stop with a stop timeout takes no longer than plain Jetty's, and loses no more requests, whatever is connected. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StopBesidePlainIT {
    private static final long STOP_TIMEOUT_MS = 20_000;

    private static final String GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private Keys keys;

    @BeforeAll
    void makeKeys(@TempDir Path directory) throws Exception {
        keys = new Keys(directory);
    }

    @AfterAll
    void end() {
        threads.shutdownNow();
    }

    /** What is connected when the server stops. */
    private enum Held {
        NOTHING {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) {}
        },
        JUST_ANSWERED {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                test.closeAtFin(answered(server, held, GET));
            }
        },
        IDLE_FOR_LONG {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                test.closeAtFin(answered(server, held, GET));
                Http.pause(1500);
            }
        },
        IDLE_AND_NEVER_CLOSING {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                answered(server, held, GET);
            }
        },
        TRICKLING_BETWEEN_REQUESTS {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                test.trickle(answered(server, held, GET), "GET / HTTP/1.1\r\nX-Long: ");
            }
        },
        SILENT {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                sent(server, held, "");
            }
        },
        HALF_A_HEADER {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                sent(server, held, "GET / HT");
            }
        },
        HALF_A_BODY {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                sent(server, held, BesideServer.HALF_A_BODY);
            }
        },
        HALF_A_BODY_READ_BLOCKING {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                sent(server, held, "POST /blocking HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
            }
        },
        NEVER_READING {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                sent(server, held, "GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
            }
        },
        NEVER_READING_WRITTEN_BLOCKING {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                sent(server, held, "GET /download HTTP/1.1\r\nHost: t\r\n\r\n");
            }
        },
        THE_APPLICATION_THINKS {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                test.closeAtFin(sent(server, held, "GET /think HTTP/1.1\r\nHost: t\r\n\r\n"));
            }
        },
        LINGERING {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                answered(server, held, "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
            }
        },
        UPLOAD_ANSWERED_EARLY {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                answered(server, held, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nabc");
            }
        },
        HALF_A_HANDSHAKE {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.secure.getLocalPort());
                held.add(socket);
                socket.getOutputStream().write(new byte[] {22, 3, 1, 1, 0});
            }
        },
        HTTP_2_OVER_TLS {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                get(HttpClient.newBuilder().sslContext(test.keys.client()), "https", server.secure.getLocalPort());
            }
        },
        HTTP_1_OVER_TLS {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                get(
                        HttpClient.newBuilder()
                                .version(HttpClient.Version.HTTP_1_1)
                                .sslContext(test.keys.client()),
                        "https",
                        server.secure.getLocalPort());
            }
        },
        UPGRADED_TO_HTTP_2 {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                get(HttpClient.newBuilder(), "http", server.clear.getLocalPort());
            }
        },
        WEB_SOCKET {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                answered(server, held, BesideServer.WEB_SOCKET);
            }
        },
        TUNNEL {
            @Override
            void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception {
                ServerSocket origin = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                held.add(origin);
                String authority = "127.0.0.1:" + origin.getLocalPort();
                answered(server, held, "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
                held.add(origin.accept());
            }
        };

        abstract void connect(StopBesidePlainIT test, BesideServer server, List<AutoCloseable> held) throws Exception;

        private static Socket sent(BesideServer server, List<AutoCloseable> held, String request) throws IOException {
            Socket socket = server.connect();
            held.add(socket);
            socket.getOutputStream().write(request.getBytes(ISO_8859_1));
            return socket;
        }

        private static Socket answered(BesideServer server, List<AutoCloseable> held, String request)
                throws IOException {
            Socket socket = sent(server, held, request);
            byte[] answer = new byte[4096];
            int read = socket.getInputStream().read(answer);
            assertTrue(read > 0 && new String(answer, 0, read, ISO_8859_1).startsWith("HTTP/1.1 "), "answer");
            return socket;
        }

        private static void get(HttpClient.Builder client, String scheme, int port) throws Exception {
            client.build()
                    .send(
                            HttpRequest.newBuilder(URI.create(scheme + "://localhost:" + port + "/"))
                                    .build(),
                            BodyHandlers.ofString());
        }
    }

    private void closeAtFin(Socket socket) {
        threads.execute(() -> {
            try (socket) {
                socket.getInputStream().readAllBytes();
            } catch (IOException x) {
                // Closed.
            }
        });
    }

    private void trickle(Socket socket, String begin) throws IOException {
        socket.getOutputStream().write(begin.getBytes(ISO_8859_1));
        threads.execute(() -> {
            try {
                while (true) {
                    socket.getOutputStream().write('x');
                    Http.pause(200);
                }
            } catch (IOException x) {
                // Closed.
            }
        });
    }

    private long stopTime(Held kind, KeepAlivePolicy policy) throws Exception {
        List<AutoCloseable> held = new ArrayList<>();
        try (BesideServer server = new BesideServer(keys, policy)) {
            server.server.setStopTimeout(STOP_TIMEOUT_MS);
            server.start();
            kind.connect(this, server, held);
            Http.pause(200); // until the request is in progress
            return server.stop();
        } finally {
            for (AutoCloseable closeable : held) {
                closeable.close();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Held.class)
    void aStopTakesNoLongerThanPlainJettys(Held kind) throws Exception {
        BesidePlain.assertNoLonger(
                kind.toString(), threads, () -> stopTime(kind, null), () -> stopTime(kind, KeepAlivePolicy.defaults()));
    }

    private int requestsLost(KeepAlivePolicy policy) throws Exception {
        try (BesideServer server = new BesideServer(keys, policy)) {
            server.server.setStopTimeout(STOP_TIMEOUT_MS);
            server.start();
            return SteadyClients.lost(50, "/", server::connect, server::stop, threads);
        }
    }

    /** A client that a busy machine holds up for the shutdownIdleTimeout loses its request on either. */
    @Test
    void aStopLosesNoRequestOfClientsInSteadyUse() throws Exception {
        BesidePlain.assertLosesNoMore(
                "50 clients", () -> requestsLost(null), () -> requestsLost(KeepAlivePolicy.defaults()));
    }
}
