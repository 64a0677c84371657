package org.strictkeepalive.it;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** nginx or HAProxy in a process of its own. It listens on a Unix socket, so that no port has to be free. */
final class UnixProxy implements AutoCloseable {
    private static final long START_SECONDS = 60;

    private final Process process;
    private final Path socket;
    private final Path log;

    private UnixProxy(Path executable, Path directory, List<String> arguments)
            throws IOException, InterruptedException {
        socket = socket(directory);
        log = directory.resolve("proxy.log");
        process = new ProcessBuilder()
                .command(arguments)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        while (!isListening()) {
            if (!process.isAlive() || System.nanoTime() - end > 0) {
                close();
                throw new IOException(executable + " did not start: " + Files.readString(log));
            }
            process.waitFor(20, TimeUnit.MILLISECONDS);
        }
    }

    /** Where the configuration has to let it listen. */
    static Path socket(Path directory) {
        return directory.resolve("s");
    }

    /** Starts nginx with the content of its {@code http} block; needs one. */
    static UnixProxy nginx(Path directory, String http) throws IOException, InterruptedException {
        Path executable = Path.of("/usr/sbin/nginx");
        Programs.require("nginx");
        Path config = directory.resolve("nginx.conf");
        StringBuilder temporary = new StringBuilder();
        for (String kind : List.of("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) {
            temporary.append("%s_temp_path %s/%s;%n".formatted(kind, directory, kind));
        }
        Files.writeString(config, """
                daemon off;
                master_process off;
                pid %s/nginx.pid;
                error_log stderr;
                events { worker_connections 256; }
                http { access_log off; %s %s }
                """.formatted(directory, temporary, http));
        return new UnixProxy(
                executable,
                directory,
                List.of(executable.toString(), "-e", "stderr", "-c", config.toString(), "-p", directory.toString()));
    }

    /** Starts HAProxy; needs one. */
    static UnixProxy haproxy(Path directory, String content) throws IOException, InterruptedException {
        Path executable = Path.of("/usr/sbin/haproxy");
        Programs.require("haproxy");
        Path config = directory.resolve("haproxy.cfg");
        Files.writeString(config, content);
        return new UnixProxy(executable, directory, List.of(executable.toString(), "-db", "-f", config.toString()));
    }

    private boolean isListening() {
        try (Client ignored = connect()) {
            return true;
        } catch (IOException x) {
            return false;
        }
    }

    Client connect() throws IOException {
        return new Client(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    }

    /** Lets it go on with nothing, until {@link #resume()}. */
    void pause() throws IOException, InterruptedException {
        signal("STOP");
    }

    void resume() throws IOException, InterruptedException {
        signal("CONT");
    }

    private void signal(String name) throws IOException, InterruptedException {
        int status = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .start()
                .waitFor();
        if (status != 0) {
            throw new IOException("kill -" + name + ": " + status);
        }
    }

    String log() throws IOException {
        return Files.readString(log);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    /** A connection to it. */
    static final class Client implements AutoCloseable {
        private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: *(\\d+)");

        private final SocketChannel channel;
        private final InputStream in;

        private Client(SocketChannel channel) {
            this.channel = channel;
            in = Channels.newInputStream(channel);
        }

        Client send(String request) throws IOException {
            ByteBuffer bytes = ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            return this;
        }

        /** Reads a response whole, and returns its status. */
        int read() throws IOException {
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                int next = in.read();
                if (next < 0) {
                    throw new EOFException("after: " + head);
                }
                head.append((char) next);
            }
            Matcher length = LENGTH.matcher(head);
            if (!length.find()) {
                in.readAllBytes();
            } else if (in.readNBytes(Integer.parseInt(length.group(1))).length < Integer.parseInt(length.group(1))) {
                throw new EOFException("in the body behind: " + head);
            }
            return Integer.parseInt(head.substring(9, 12));
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
