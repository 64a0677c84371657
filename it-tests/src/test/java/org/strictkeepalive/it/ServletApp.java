package org.strictkeepalive.it;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.zip.CRC32;
import org.eclipse.jetty.ee10.servlet.ErrorPageErrorHandler;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.gzip.GzipHandler;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/**
 * A servlet application on plain Jetty and on strict. {@link ServletIT} compiles it once more for other versions of
 * Jakarta EE and runs it as a process.
 */
final class ServletApp {
    static final int MAX_REQUESTS = 5;
    static final Duration KEEP_ALIVE_TIMEOUT = Duration.ofMillis(1100);

    private ServletApp() {}

    public static void main(String[] args) throws Exception {
        Server plain = server();
        plain.start();
        Server strict = server();
        StrictKeepAlive.install(
                strict,
                KeepAlivePolicy.builder()
                        .keepAliveTimeout(KEEP_ALIVE_TIMEOUT)
                        .keepAliveTimeoutBuffer(Duration.ZERO)
                        .minKeepAliveTimeout(Duration.ofMillis(100))
                        .maxRequestsPerConnection(MAX_REQUESTS)
                        .build());
        strict.start();
        System.out.println("plain on port " + port(plain));
        System.out.println("strict on port " + port(strict));
    }

    private static int port(Server server) {
        return ((ServerConnector) server.getConnectors()[0]).getLocalPort();
    }

    @SuppressWarnings("removal") // Jetty 12.0 has no other handler for gzip.
    private static Server server() {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, 1, 1);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler("/app", ServletContextHandler.SESSIONS);
        Map.of(
                        "/echo/*", new EchoServlet(),
                        "/async/*", new AsyncServlet(),
                        "/stream", new StreamServlet(),
                        "/errors/*", new ErrorServlet(),
                        "/session", new SessionServlet())
                .forEach((path, servlet) -> {
                    ServletHolder holder = new ServletHolder(servlet);
                    holder.setName(path); // by itself it has a hash, and error pages say it
                    holder.setAsyncSupported(true);
                    context.addServlet(holder, path);
                });
        ErrorPageErrorHandler pages = new ErrorPageErrorHandler();
        pages.addErrorPage(IllegalStateException.class, "/errors/page");
        pages.addErrorPage(410, "/errors/page");
        context.setErrorHandler(pages);
        server.setHandler(new GzipHandler(context));
        return server;
    }

    /** Reads the request's body by blocking, and tells of the request. */
    private static final class EchoServlet extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            CRC32 crc = new CRC32();
            byte[] buffer = new byte[8192];
            long length = 0;
            ServletInputStream in = request.getInputStream();
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                crc.update(buffer, 0, read);
                length += read;
            }
            response.setContentType("text/plain");
            String told = request.getMethod() + " " + request.getRequestURL() + "?" + request.getQueryString() + " "
                    + request.getScheme() + " " + request.getRemoteAddr() + " " + request.isSecure() + " "
                    + request.getProtocol() + " " + length + " bytes " + crc.getValue() + "\n";
            response.getWriter().print(told.repeat(20));
        }
    }

    /** Completes, dispatches or times out; or reads and writes without blocking. */
    private static final class AsyncServlet extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            AsyncContext async = request.startAsync();
            switch (request.getPathInfo()) {
                case "/complete" ->
                    async.start(() -> {
                        try {
                            // Longer than the keep-alive timeout.
                            Thread.sleep(KEEP_ALIVE_TIMEOUT.plusMillis(200).toMillis());
                            response.getWriter().print("completed");
                        } catch (InterruptedException | IOException x) {
                            throw new IllegalStateException(x);
                        }
                        async.complete();
                    });
                case "/dispatch" -> async.dispatch("/echo/dispatched");
                case "/timeout" -> async.setTimeout(100);
                default -> {
                    Copy copy = new Copy(async, request.getInputStream(), response.getOutputStream());
                    copy.in.setReadListener(copy);
                }
            }
        }
    }

    /** Answers a body with itself, without blocking. */
    private static final class Copy implements ReadListener, WriteListener {
        private final AsyncContext async;
        private final ServletInputStream in;
        private final ServletOutputStream out;
        private final byte[] buffer = new byte[4096];
        private boolean writing;

        private Copy(AsyncContext async, ServletInputStream in, ServletOutputStream out) {
            this.async = async;
            this.in = in;
            this.out = out;
        }

        @Override
        public void onDataAvailable() throws IOException {
            if (writing) {
                onWritePossible();
            } else {
                writing = true;
                out.setWriteListener(this);
            }
        }

        @Override
        public void onWritePossible() throws IOException {
            while (out.isReady() && in.isReady()) {
                int read = in.read(buffer);
                if (read < 0) {
                    async.complete();
                    return;
                }
                out.write(buffer, 0, read);
            }
        }

        @Override
        public void onAllDataRead() throws IOException {
            if (!writing) {
                async.complete();
            }
        }

        @Override
        public void onError(Throwable failure) {
            async.complete();
        }
    }

    /** A megabyte, flushed as it goes, with trailers behind it. */
    private static final class StreamServlet extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            response.setHeader("Trailer", "Sum");
            response.setTrailerFields(() -> Map.of("Sum", "1048576"));
            byte[] bytes = new byte[65_536];
            for (int i = 0; i < 16; i++) {
                response.getOutputStream().write(bytes);
                response.flushBuffer();
            }
        }
    }

    /** The ways in which an application fails, refuses and changes its mind. */
    private static final class ErrorServlet extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response)
                throws IOException, ServletException {
            switch (request.getPathInfo()) {
                case "/throw" -> throw new IllegalStateException("thrown");
                case "/gone" -> response.sendError(410, "gone for good");
                case "/refuse" -> response.sendError(413);
                case "/redirect" -> response.sendRedirect("elsewhere");
                case "/forward" ->
                    request.getRequestDispatcher("/echo/forwarded").forward(request, response);
                case "/close" -> {
                    response.setHeader("Connection", "close");
                    response.getWriter().print("the last");
                }
                case "/reset" -> {
                    response.setStatus(201);
                    response.setHeader("Connection", "close");
                    response.setHeader("X-Before", "yes");
                    response.getWriter().print("before");
                    response.reset();
                    response.setHeader("X-After", "yes");
                    response.getWriter().print("after");
                }
                case "/page" -> {
                    response.setContentType("text/plain");
                    response.getWriter()
                            .print("page of " + request.getAttribute("jakarta.servlet.error.status_code") + " "
                                    + request.getAttribute("jakarta.servlet.error.message"));
                }
                default -> response.sendError(404, "no <such> thing");
            }
        }
    }

    /** Counts the requests of a session. */
    private static final class SessionServlet extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            HttpSession session = request.getSession();
            Integer count = (Integer) session.getAttribute("count");
            session.setAttribute("count", count == null ? 1 : count + 1);
            response.getWriter().print("request " + session.getAttribute("count"));
        }
    }
}
