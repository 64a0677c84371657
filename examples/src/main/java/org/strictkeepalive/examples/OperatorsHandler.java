package org.strictkeepalive.examples;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.pathmap.PathSpec;
import org.eclipse.jetty.http.pathmap.ServletPathSpec;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.PathMappingsHandler;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAliveHealthHandler;
import org.strictkeepalive.KeepAliveStatusHandler;
import org.strictkeepalive.micrometer.KeepAliveMetrics;

/** What operators look at: {@code /status}, the page {@code /live} on top of it, and {@code /metrics} for Prometheus. */
final class OperatorsHandler extends PathMappingsHandler {
    OperatorsHandler(boolean showAddresses, boolean allowDrain) {
        super(false); // One whose paths may change counts as blocking, and each request changes threads.
        KeepAliveStatusHandler status = new KeepAliveStatusHandler();
        status.setShowAddresses(showAddresses);
        KeepAliveHealthHandler health = new KeepAliveHealthHandler();
        health.setDrainAllowed(allowDrain);
        addMapping(path("/status"), status);
        addMapping(path("/health"), health);
        addMapping(path("/metrics"), new MetricsHandler());
        addMapping(path("/live"), new FileHandler("live.html", "text/html; charset=utf-8"));
        addMapping(path("/live.js"), new FileHandler("live.js", "text/javascript; charset=utf-8"));
        String uplot = "/META-INF/resources/webjars/uplot/" + uplotVersion() + "/dist/";
        Map.of("uPlot.min.css", "text/css", "uPlot.iife.min.js", "text/javascript")
                .forEach((name, type) ->
                        addMapping(path("/webjars/uplot/dist/" + name), new FileHandler(uplot + name, type)));
    }

    private static PathSpec path(String path) {
        return new ServletPathSpec(path);
    }

    private static String uplotVersion() {
        Properties properties = new Properties();
        try (InputStream in =
                OperatorsHandler.class.getResourceAsStream("/META-INF/maven/org.webjars.npm/uplot/pom.properties")) {
            properties.load(in);
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
        return properties.getProperty("version");
    }

    /** A file of the class path. */
    private static final class FileHandler extends Handler.Abstract.NonBlocking {
        private final String type;
        private final ByteBuffer content;

        private FileHandler(String name, String type) {
            this.type = type;
            try (InputStream in = OperatorsHandler.class.getResourceAsStream(name)) {
                content = ByteBuffer.wrap(in.readAllBytes()).asReadOnlyBuffer();
            } catch (IOException x) {
                throw new UncheckedIOException(x);
            }
        }

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, content.remaining());
            response.write(true, content.slice(), callback);
            return true;
        }
    }

    /**
     * One that may block would have every request of the server handed on to another thread. To write some eighty meters
     * costs more than to serve a page, so all who ask within a second get the same text.
     */
    private static final class MetricsHandler extends Handler.Abstract.NonBlocking {
        private static final long FRESH = TimeUnit.SECONDS.toNanos(1);

        private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        private boolean bound;
        private volatile Scraped latest;

        private record Scraped(long at, ByteBuffer text) {
            private boolean isFresh(long now) {
                return now - at < FRESH;
            }
        }

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            ByteBuffer text = scraped().slice();
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, text.remaining());
            response.write(true, text, callback);
            return true;
        }

        private ByteBuffer scraped() {
            Scraped seen = latest;
            return seen != null && seen.isFresh(System.nanoTime()) ? seen.text : scrape();
        }

        /** The monitor is there when the connector has started, which is after this handler. */
        private synchronized ByteBuffer scrape() {
            if (!bound) {
                bound = true;
                new KeepAliveMetrics(getServer().getBean(DescriptorMonitor.class)).bindTo(registry);
            }
            long now = System.nanoTime();
            if (latest == null || !latest.isFresh(now)) {
                latest = new Scraped(
                        now, StandardCharsets.UTF_8.encode(registry.scrape()).asReadOnlyBuffer());
            }
            return latest.text;
        }
    }
}
