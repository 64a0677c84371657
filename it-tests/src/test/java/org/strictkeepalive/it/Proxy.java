package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An nginx or a HAProxy in a process of its own, configured as the document says. */
final class Proxy implements AutoCloseable {
    /** How a program is started in the foreground, and what the snippet of the document needs around it. */
    enum Kind {
        NGINX("nginx -e stderr -p . -c", "listen ", """
                daemon off;
                pid nginx.pid;
                events {
                    worker_connections 4096;
                }
                http {
                    access_log off;
                    client_body_temp_path body;
                    proxy_temp_path proxy;
                    fastcgi_temp_path fastcgi;
                    uwsgi_temp_path uwsgi;
                    scgi_temp_path scgi;
                    %s
                }
                """),
        HAPROXY("haproxy -db -f", "bind :", "%s");

        private final String command;
        private final String listen;
        private final String around;

        Kind(String command, String listen, String around) {
            this.command = command;
            this.listen = listen;
            this.around = around;
        }

        /** The name of the program, and the language of its snippet. */
        String program() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final Path DOCUMENT = Path.of("../connector/docs/proxies.md");

    private final Process process;
    private final Path log;
    private final InetSocketAddress address;

    /**
     * Starts a proxy.
     *
     * @param directory where it may leave its files
     * @param server where the requests go
     * @param poolTimeout how long its pool keeps a connection that is idle, in place of what the document says
     */
    Proxy(Kind kind, Path directory, InetSocketAddress server, String poolTimeout) throws IOException {
        Programs.require(kind.program());
        Path home = Files.createTempDirectory(directory, kind.program());
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            address = new InetSocketAddress(InetAddress.getLoopbackAddress(), free.getLocalPort());
        }
        String snippet = snippet(kind.program());
        snippet = replace(snippet, kind.listen + "80", kind.listen.replace(":", "") + "127.0.0.1:" + address.getPort());
        snippet = replace(snippet, "127\\.0\\.0\\.1:8080", "127.0.0.1:" + server.getPort());
        snippet = replace(snippet, "(keepalive_timeout|pool-purge-delay) \\d+s", "$1 " + poolTimeout);
        Path config = Files.writeString(home.resolve("proxy.conf"), kind.around.formatted(snippet));
        log = home.resolve("log");
        process = new ProcessBuilder((kind.command + " " + config).split(" "))
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        await().until(() -> !process.isAlive() || listens());
        if (!process.isAlive()) {
            throw new IOException(kind + " did not start: " + log());
        }
    }

    private static String snippet(String language) throws IOException {
        Matcher matcher =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(DOCUMENT));
        if (!matcher.find()) {
            throw new IOException("no " + language + " in " + DOCUMENT);
        }
        return matcher.group(1);
    }

    private static String replace(String text, String regex, String replacement) throws IOException {
        String replaced = text.replaceFirst(regex, replacement);
        if (replaced.equals(text)) {
            throw new IOException("no " + regex + " in " + text);
        }
        return replaced;
    }

    private boolean listens() {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            return socket.isConnected();
        } catch (IOException x) {
            return false;
        }
    }

    InetSocketAddress address() {
        return address;
    }

    String log() {
        try {
            return Files.readString(log);
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy(); // SIGTERM, which nginx hands on to its worker
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
