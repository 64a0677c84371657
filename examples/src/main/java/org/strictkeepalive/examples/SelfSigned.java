package org.strictkeepalive.examples;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.UUID;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** TLS with a key that the JDK's {@code keytool} makes and signs by itself, new at each start. */
final class SelfSigned {
    private SelfSigned() {}

    static SslContextFactory.Server context() throws IOException, GeneralSecurityException, InterruptedException {
        Path directory = Files.createTempDirectory("serve");
        Path file = directory.resolve("key.p12");
        String password = UUID.randomUUID().toString();
        try {
            Process keytool = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "keytool")
                                    .toString(),
                            "-genkeypair",
                            "-alias",
                            "serve",
                            "-keyalg",
                            "EC",
                            "-dname",
                            "CN=localhost",
                            "-ext",
                            "SAN=dns:localhost,ip:127.0.0.1",
                            "-storetype",
                            "PKCS12",
                            "-keystore",
                            file.toString(),
                            "-storepass",
                            password)
                    .redirectErrorStream(true)
                    .start();
            String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (keytool.waitFor() != 0) {
                throw new IOException("--tls: keytool: " + said);
            }
            SslContextFactory.Server result = new SslContextFactory.Server();
            result.setKeyStore(KeyStore.getInstance(file.toFile(), password.toCharArray()));
            result.setKeyStorePassword(password);
            return result;
        } finally {
            Files.deleteIfExists(file);
            Files.delete(directory);
        }
    }
}
