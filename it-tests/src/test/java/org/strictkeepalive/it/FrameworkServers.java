package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** One application in Spring Boot and in {@code jetty-home}, each as a process. */
final class FrameworkServers {
    /** Reads the body, answers after the milliseconds of the query, and upgrades to WebSocket. */
    private static final String SERVLET = """
            package app;

            import jakarta.servlet.annotation.WebServlet;
            import jakarta.servlet.http.HttpServlet;
            import jakarta.servlet.http.HttpServletRequest;
            import jakarta.servlet.http.HttpServletResponse;
            import java.io.IOException;
            import org.eclipse.jetty.ee10.websocket.server.JettyWebSocketServerContainer;
            import org.eclipse.jetty.websocket.api.annotations.WebSocket;

            @WebServlet("/*")
            public class Any extends HttpServlet {
                @WebSocket
                public static class Quiet {}

                @Override
                protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                    if (request.getRequestURI().equals("/ws")) {
                        JettyWebSocketServerContainer.getContainer(getServletContext())
                                .upgrade((upgrade, answer) -> new Quiet(), request, response);
                        return;
                    }
                    request.getInputStream().readAllBytes();
                    if (request.getQueryString() != null) {
                        try {
                            Thread.sleep(Long.parseLong(request.getQueryString()));
                        } catch (InterruptedException x) {
                            throw new IOException(x);
                        }
                    }
                    response.getWriter().print("hello");
                }
            }
            """;

    /** Starts and stops again and again, as its input says. */
    private static final String APPLICATION = """
            package app;

            import java.util.Scanner;
            import org.springframework.boot.SpringApplication;
            import org.springframework.boot.autoconfigure.SpringBootApplication;
            import org.springframework.boot.web.servlet.ServletRegistrationBean;
            import org.springframework.context.ConfigurableApplicationContext;
            import org.springframework.context.annotation.Bean;

            @SpringBootApplication
            public class Application {
                public static void main(String[] args) {
                    Scanner in = new Scanner(System.in);
                    for (int i = 1; in.hasNext(); i++) {
                        in.next();
                        ConfigurableApplicationContext context = SpringApplication.run(Application.class, args);
                        System.out.println("start " + i + " port "
                                + context.getEnvironment().getProperty("local.server.port") + " ");
                        in.next();
                        long begin = System.nanoTime();
                        context.close();
                        System.out.println("stop " + i + " took " + (System.nanoTime() - begin) / 1_000_000 + " ms");
                    }
                }

                @Bean
                ServletRegistrationBean<Any> any() {
                    return new ServletRegistrationBean<>(new Any(), "/*");
                }
            }
            """;

    private FrameworkServers() {}

    /** A server that starts and stops as its framework does, many times. */
    interface Side extends AutoCloseable {
        void start() throws Exception;

        int port() throws IOException;

        /** Where it speaks HTTP/2. */
        URI http2() throws IOException;

        /** Milliseconds. */
        long stop() throws Exception;
    }

    static final class Boot implements Side {
        private final App app;
        private int runs;
        private int port;

        Boot(String boot, boolean strict, Path directory) throws Exception {
            String servlet = boot.equals("spring-boot-3") ? SERVLET : SERVLET.replace(".ee10.", ".ee11.");
            Map<String, String> sources = Map.of("Any.java", servlet, "Application.java", APPLICATION);
            String classPath = App.classPath(boot);
            App.compile(Files.createDirectories(directory), classPath, sources);
            app = App.start(
                    directory,
                    classPath,
                    "app.Application",
                    "--server.port=0",
                    "--server.address=127.0.0.1",
                    "--server.http2.enabled=true",
                    "--server.shutdown=graceful",
                    "--strict-keep-alive.enabled=" + strict);
        }

        private String command(String command, String answer) throws Exception {
            app.process().getOutputStream().write((command + "\n").getBytes(US_ASCII));
            app.process().getOutputStream().flush();
            return app.await(Pattern.compile(command + " " + runs + " " + answer + " (\\d+) "));
        }

        @Override
        public void start() throws Exception {
            runs++;
            port = Integer.parseInt(command("start", "port"));
        }

        @Override
        public int port() {
            return port;
        }

        @Override
        public URI http2() {
            return URI.create("http://localhost:" + port + "/hello");
        }

        @Override
        public long stop() throws Exception {
            return Long.parseLong(command("stop", "took"));
        }

        @Override
        public void close() throws Exception {
            app.close();
        }
    }

    static final class Home implements Side {
        private final JettyHome jetty;

        Home(String version, boolean strict, Path directory, Path keys) throws Exception {
            jetty = JettyHomeIT.base(version, directory, "http,https,http2,graceful,ee10-deploy,ee10-websocket-jetty");
            Path classes = Files.createDirectories(directory.resolve("webapps/root/WEB-INF/classes"));
            App.compile(classes, App.classPath("spring-boot-3"), Map.of("Any.java", SERVLET));
            Files.writeString(directory.resolve("start.d/stop.ini"), """
                    jetty.server.stopTimeout=20000
                    jetty.ssl.host=127.0.0.1
                    jetty.ssl.port=0
                    jetty.sslContext.keyStorePath=%s
                    jetty.sslContext.keyStorePassword=changeit
                    """.formatted(keys));
            if (strict) {
                JettyHomeIT.addTheModule(jetty);
            }
        }

        @Override
        public void start() throws Exception {
            jetty.serve(JettyHome.START);
        }

        @Override
        public int port() throws IOException {
            return jetty.port("HTTP/1.1");
        }

        @Override
        public URI http2() throws IOException {
            return URI.create("https://localhost:" + jetty.port("SSL") + "/hello");
        }

        @Override
        public long stop() throws Exception {
            long begin = System.nanoTime();
            jetty.process().destroy();
            assertTrue(jetty.process().waitFor(60, TimeUnit.SECONDS), "goes on");
            return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        }

        @Override
        public void close() {
            jetty.close();
        }
    }
}
