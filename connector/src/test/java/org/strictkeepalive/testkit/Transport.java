package org.strictkeepalive.testkit;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** Clear text or TLS, on both sides. */
public enum Transport {
    CLEAR,
    TLS;

    private static final char[] PASSWORD = "changeit".toCharArray();

    /** A key that the tests make for themselves, once. */
    private static final class Keys {
        private static final KeyStore STORE = make();
        private static final SSLContext CLIENT = clientContext();

        private static KeyStore make() {
            try {
                Path directory = Files.createTempDirectory("keys");
                Path file = directory.resolve("test.p12");
                List<String> command =
                        new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString()));
                command.addAll(List.of("-genkeypair", "-alias", "test", "-keyalg", "EC", "-dname", "CN=localhost"));
                command.addAll(List.of("-ext", "san=dns:localhost,ip:127.0.0.1", "-storetype", "PKCS12"));
                command.addAll(List.of("-storepass", new String(PASSWORD), "-keystore", file.toString()));
                Process process =
                        new ProcessBuilder(command).redirectErrorStream(true).start();
                String output =
                        new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
                if (process.waitFor() != 0) {
                    throw new IllegalStateException(output);
                }
                KeyStore store = KeyStore.getInstance("PKCS12");
                try (var in = Files.newInputStream(file)) {
                    store.load(in, PASSWORD);
                }
                Files.delete(file);
                Files.delete(directory);
                return store;
            } catch (IOException | GeneralSecurityException x) {
                throw new IllegalStateException(x);
            } catch (InterruptedException x) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(x);
            }
        }

        private static SSLContext clientContext() {
            try {
                TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                trust.init(STORE);
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, trust.getTrustManagers(), null);
                return context;
            } catch (GeneralSecurityException x) {
                throw new IllegalStateException(x);
            }
        }
    }

    public static SslContextFactory.Server serverContext() {
        SslContextFactory.Server result = new SslContextFactory.Server();
        result.setKeyStore(Keys.STORE);
        result.setKeyStorePassword(new String(PASSWORD));
        return result;
    }

    /** A connected socket, its handshake done. */
    public Socket connect(int port) throws IOException {
        return connect(port, new byte[0]);
    }

    /** A connected socket, its handshake done with h2 as the protocol. */
    public Socket connectHttp2(int port) throws IOException {
        return connect(port, new byte[0], "h2");
    }

    /** A connected socket, its handshake done, with bytes sent before that, such as PROXY's. */
    public Socket connect(int port, byte[] preface) throws IOException {
        return connect(port, preface, new String[0]);
    }

    /** As {@link #connect(int)}, with a receive buffer of so many bytes. */
    public Socket connect(int port, int receiveBuffer) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(receiveBuffer);
        return connect(socket, port, new byte[0]);
    }

    private Socket connect(int port, byte[] preface, String... protocols) throws IOException {
        return connect(new Socket(), port, preface, protocols);
    }

    private Socket connect(Socket socket, int port, byte[] preface, String... protocols) throws IOException {
        socket.setTcpNoDelay(true);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 60_000);
        socket.setSoTimeout(60_000);
        socket.getOutputStream().write(preface);
        if (this == CLEAR) {
            return socket;
        }
        SSLSocket tls = (SSLSocket) Keys.CLIENT.getSocketFactory().createSocket(socket, "localhost", port, true);
        SSLParameters parameters = tls.getSSLParameters();
        parameters.setApplicationProtocols(protocols);
        tls.setSSLParameters(parameters);
        tls.startHandshake();
        return tls;
    }
}
