package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** An nginx or a HAProxy that speaks HTTP/2 to a server, with the settings that it comes with. */
final class Http2Proxy implements AutoCloseable {
    enum Kind {
        /** The module for gRPC hands on any request; nginx 1.29 is the first whose {@code proxy_pass} speaks HTTP/2. */
        NGINX("nginx -e stderr -p . -c", """
                daemon off;
                pid nginx.pid;
                events {
                    worker_connections 1024;
                }
                http {
                    access_log off;
                    client_body_temp_path body;
                    proxy_temp_path proxy;
                    fastcgi_temp_path fastcgi;
                    uwsgi_temp_path uwsgi;
                    scgi_temp_path scgi;
                    upstream server {
                        server 127.0.0.1:%2$d;
                        keepalive 16;
                    }
                    server {
                        listen 127.0.0.1:%1$d;
                        location / {
                            grpc_pass grpc://server;
                        }
                    }
                }
                """),
        HAPROXY("haproxy -db -f", """
                defaults
                    mode http
                    timeout connect 5s
                    timeout client 60s
                    timeout server 60s
                frontend clients
                    bind 127.0.0.1:%1$d
                    default_backend servers
                backend servers
                    server server 127.0.0.1:%2$d proto h2
                """);

        private final String command;
        private final String config;

        Kind(String command, String config) {
            this.command = command;
            this.config = config;
        }
    }

    private final Process process;
    private final InetSocketAddress address;

    Http2Proxy(Kind kind, Path directory, int serverPort) throws IOException {
        String name = kind.name().toLowerCase(Locale.ROOT);
        Path home = Files.createTempDirectory(directory, name);
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            address = new InetSocketAddress(InetAddress.getLoopbackAddress(), free.getLocalPort());
        }
        Path config = Files.writeString(home.resolve("conf"), kind.config.formatted(address.getPort(), serverPort));
        Path log = home.resolve("log");
        process = new ProcessBuilder((kind.command + " " + config).split(" "))
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        await().until(() -> !process.isAlive() || listens());
        if (!process.isAlive()) {
            throw new IOException(kind + " did not start: " + Files.readString(log));
        }
    }

    private boolean listens() {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            return socket.isConnected();
        } catch (IOException x) {
            return false;
        }
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + address.getPort() + path);
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
