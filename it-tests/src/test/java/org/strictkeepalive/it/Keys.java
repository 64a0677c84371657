package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** A key for {@code localhost}, and who trusts it. */
final class Keys {
    static final String PASSWORD = "changeit";

    private final Path file;

    Keys(Path directory) throws Exception {
        file = make(directory.resolve("test.p12"));
    }

    SslContextFactory.Server server() {
        return server(file);
    }

    Path file() {
        return file;
    }

    /** For a server with a file's key. */
    static SslContextFactory.Server server(Path file) {
        SslContextFactory.Server result = new SslContextFactory.Server();
        result.setKeyStorePath(file.toString());
        result.setKeyStorePassword(PASSWORD);
        return result;
    }

    SSLContext client() throws Exception {
        return trusting(file);
    }

    /** Makes a PKCS12 file. */
    static Path make(Path file) throws Exception {
        List<String> command = List.of(
                (Path.of(System.getProperty("java.home"), "bin", "keytool") + " -genkeypair -alias test -keyalg EC"
                                + " -dname CN=localhost -ext san=dns:localhost,ip:127.0.0.1 -storetype PKCS12"
                                + " -storepass " + PASSWORD + " -keystore " + file)
                        .split(" ", -1));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return file;
    }

    /** A client's context that trusts a file's certificate only. */
    static SSLContext trusting(Path file) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(KeyStore.getInstance(file.toFile(), PASSWORD.toCharArray()));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
