package org.strictkeepalive.it;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.server.Handler;

/** What servlets do with a request. */
final class WireServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    static final String CONTEXT = "servlet";

    private static final Set<String> SUCCEEDING = Set.of(
            "ok",
            "flush",
            "error",
            "error-behind-part",
            "reset",
            "echo",
            "read-byte",
            "flush-read",
            "async",
            "async-flush",
            "keep-alive",
            "close",
            "big-header",
            "length",
            "not-modified");
    private static final List<String> FAILING = List.of(
            "throw",
            "throw-unchecked",
            "throw-behind-part",
            "flush-throw",
            "flush-throw-unchecked",
            "flush-error",
            "read-byte-throw",
            "read-byte-flush-throw",
            "length-throw",
            "length-short",
            "async-timeout",
            "async-flush-timeout",
            "async-error",
            "async-flush-error",
            "close-throw");

    /** The names of its paths. */
    static List<String> names() {
        return java.util.stream.Stream.concat(SUCCEEDING.stream().sorted(), FAILING.stream())
                .map(name -> CONTEXT + "/" + name)
                .toList();
    }

    static boolean succeeds(String name) {
        return name.startsWith(CONTEXT) && SUCCEEDING.contains(name.substring(CONTEXT.length() + 1));
    }

    static Handler context() {
        ServletContextHandler context = new ServletContextHandler("/" + CONTEXT);
        ServletHolder holder = new ServletHolder(new WireServlet());
        holder.setName("wire"); // by itself it has a hash, and error pages say it
        holder.setAsyncSupported(true);
        context.addServlet(holder, "/*");
        return context;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
            throws IOException, ServletException {
        String name = request.getPathInfo().substring(1);
        switch (name) {
            case "ok" -> print(response, "hello");
            case "flush" -> {
                flush(response, "one");
                print(response, "two");
            }
            case "error" -> response.sendError(413, "too large");
            case "error-behind-part" -> {
                print(response, "part");
                response.sendError(413, "too large");
            }
            case "reset" -> {
                response.setHeader("Connection", "close");
                print(response, "part");
                response.reset();
                print(response, "whole");
            }
            case "length" -> {
                response.setContentLength(5);
                flush(response, "hello");
            }
            case "not-modified" -> response.setStatus(304);
            case "keep-alive" -> {
                response.setHeader("Connection", "keep-alive");
                flush(response, "hello");
            }
            case "close" -> {
                response.setHeader("Connection", "close");
                flush(response, "hello");
            }
            case "big-header" -> {
                response.setHeader("X-Long", "v".repeat(9000));
                flush(response, "hello");
            }
            case "throw" -> throw new ServletException(failure());
            case "throw-unchecked" -> throw failure();
            case "throw-behind-part" -> {
                print(response, "part");
                throw failure();
            }
            case "flush-throw" -> {
                flush(response, "a");
                throw new IOException(failure());
            }
            case "flush-throw-unchecked" -> {
                flush(response, "a");
                throw failure();
            }
            case "flush-error" -> {
                flush(response, "a");
                response.sendError(500);
            }
            case "close-throw" -> {
                print(response, "whole");
                response.getOutputStream().close();
                throw failure();
            }
            case "length-throw" -> {
                response.setContentLength(10);
                flush(response, "short");
                throw failure();
            }
            case "length-short" -> {
                response.setContentLength(10);
                print(response, "short");
            }
            default -> read(name, request, response);
        }
    }

    private static void read(String name, HttpServletRequest request, HttpServletResponse response) throws IOException {
        switch (name) {
            case "echo" ->
                response.getOutputStream().write(request.getInputStream().readAllBytes());
            case "read-byte" ->
                print(response, "read " + request.getInputStream().read());
            case "flush-read" -> {
                flush(response, "a");
                print(response, "read " + request.getInputStream().readAllBytes().length);
            }
            case "read-byte-throw" -> {
                request.getInputStream().read();
                throw failure();
            }
            case "read-byte-flush-throw" -> {
                request.getInputStream().read();
                flush(response, "a");
                throw failure();
            }
            default -> async(name, request.startAsync(), response);
        }
    }

    private static void async(String name, AsyncContext async, HttpServletResponse response) throws IOException {
        if (name.contains("flush")) {
            flush(response, "a");
        }
        if (name.endsWith("timeout")) {
            async.setTimeout(50);
        } else {
            async.start(() -> {
                if (name.endsWith("error")) {
                    throw failure();
                }
                try {
                    print(response, "later");
                } catch (IOException x) {
                    throw new QuietException.RuntimeException(x);
                }
                async.complete();
            });
        }
    }

    private static QuietException.RuntimeException failure() {
        return new QuietException.RuntimeException("on purpose");
    }

    private static void print(HttpServletResponse response, String text) throws IOException {
        response.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static void flush(HttpServletResponse response, String text) throws IOException {
        print(response, text);
        response.flushBuffer();
    }
}
