package org.strictkeepalive.it;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAccumulator;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/**
 * A server for a process of its own, with settings as {@code name=value}. It counts how often each path of two parts
 * was executed, and answers with that path, to a POST with what was sent. {@code /report} tells the counts.
 */
final class CountingServer extends Handler.Abstract.NonBlocking {
    /** How long a POST takes, so that many are in progress at once and a proxy's pool grows. */
    private static final long WORK_MS = 20;

    private static final String ANSWERED = "answered";

    private final Map<String, Integer> executions = new ConcurrentHashMap<>();
    /** The longest time in ms from an answer to the next request of its connection, by the first part of the path. */
    private final Map<String, LongAccumulator> longestIdle = new ConcurrentHashMap<>();

    private final Set<PressureLevel> levels = ConcurrentHashMap.newKeySet();

    private CountingServer() {}

    public static void main(String[] settings) throws Exception {
        KeepAlivePolicy.Builder policy = KeepAlivePolicy.builder();
        for (String setting : settings) {
            String[] pair = setting.split("=", 2);
            policy.set(pair[0], pair[1]);
        }
        Server server = new Server();
        ServerConnector connector = new ServerConnector(
                server, new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy.build()));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(new CountingServer());
        server.start();
        System.out.println("Listening on http://127.0.0.1:" + connector.getLocalPort() + "/");
        server.join();
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        String path = Request.getPathInContext(request);
        int slash = path.indexOf('/', 1);
        if (slash < 0) {
            response.write(true, BufferUtil.toBuffer(path.equals("/report") ? report() : path), callback);
            return true;
        }
        executions.merge(path, 1, Integer::sum);
        levels.add(monitor().getLevel());
        ConnectionMetaData connection = request.getConnectionMetaData();
        if (connection.getAttribute(ANSWERED) instanceof Long answered) {
            longestIdle
                    .computeIfAbsent(path.substring(1, slash), proxy -> new LongAccumulator(Math::max, 0))
                    .accumulate(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - answered));
        }
        if (HttpMethod.POST.is(request.getMethod())) {
            getServer()
                    .getScheduler()
                    .schedule(
                            () -> {
                                connection.setAttribute(ANSWERED, System.nanoTime());
                                Content.copy(request, response, callback);
                            },
                            WORK_MS,
                            TimeUnit.MILLISECONDS);
        } else {
            connection.setAttribute(ANSWERED, System.nanoTime());
            response.write(true, BufferUtil.toBuffer(path), callback);
        }
        return true;
    }

    private DescriptorMonitor monitor() {
        return getServer().getBean(DescriptorMonitor.class);
    }

    private String report() {
        Map<String, Object> report = new TreeMap<>();
        report.put("executed", executions.size());
        report.put("twice", executions.values().stream().filter(n -> n > 1).count());
        report.put("levels", levels);
        longestIdle.forEach((proxy, ms) -> report.put("longestIdle." + proxy, ms));
        monitor().getStatistics().getClosedByReason().forEach((reason, n) -> report.put("closed." + reason, n));
        StringBuilder text = new StringBuilder();
        report.forEach(
                (name, value) -> text.append(name).append('=').append(value).append('\n'));
        return text.toString();
    }
}
