package org.strictkeepalive.it;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/** What a client of a crowd does with its connection, which it never closes. */
enum Http2Attack {
    /** One request, then nothing. */
    IDLE {
        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            wire.get();
            wire.awaitEnd();
        }
    },
    /** The same. Each second client speaks HTTP/1.1. */
    MIXED {
        @Override
        void run(Http http, int number, Set<Socket> open, AtomicBoolean over) throws IOException {
            if (number % 2 == 0) {
                super.run(http, number, open, over);
                return;
            }
            try (Socket socket = http.connect(30_000)) {
                open.add(socket);
                Http.exchange(socket, "/", 30_000);
                awaitEnd(socket);
            }
        }

        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            IDLE.use(wire, over);
        }
    },
    /** The begin of a request's headers. */
    HALF_HEADERS {
        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            wire.beginHeaders();
            wire.awaitEnd();
        }
    },
    /** The begin of a request's body. */
    HALF_BODY {
        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            wire.beginBody("/read");
            wire.awaitEnd();
        }
    },
    /** A request whose response may not come. */
    NEVER_READS {
        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            wire.grantNothing();
            wire.request("/");
            wire.awaitEnd();
        }
    },
    /** One request, then a PING each second. */
    PINGS {
        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            wire.get();
            while (!over.get()) {
                wire.ping();
                Http.pause(1_000);
            }
        }
    },
    /** One request, then a SETTINGS each second. */
    SETTINGS {
        @Override
        void use(Http2Wire wire, AtomicBoolean over) throws IOException {
            wire.get();
            while (!over.get()) {
                wire.settings();
                Http.pause(1_000);
            }
        }
    },
    /** Nothing at all. Over TLS that is a handshake that does not begin. */
    SILENT {
        @Override
        void run(Http http, int number, Set<Socket> open, AtomicBoolean over) throws IOException {
            try (Socket socket = new Http(http.address(), null).connect(30_000)) {
                open.add(socket);
                awaitEnd(socket);
            }
        }

        @Override
        void use(Http2Wire wire, AtomicBoolean over) {}
    };

    private static void awaitEnd(Socket socket) throws IOException {
        socket.setSoTimeout(0);
        socket.getInputStream().transferTo(OutputStream.nullOutputStream());
    }

    /** Uses a connection until the server closes it or all is over. */
    abstract void use(Http2Wire wire, AtomicBoolean over) throws IOException;

    /**
     * Connects, and uses the connection.
     *
     * @param number that of the client
     * @param open gets the socket
     */
    void run(Http http, int number, Set<Socket> open, AtomicBoolean over) throws IOException {
        try (Http2Wire wire = new Http2Wire(http, 30_000)) {
            open.add(wire.socket());
            use(wire, over);
        }
    }
}
