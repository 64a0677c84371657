package org.strictkeepalive.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.UnixOperatingSystemMXBean;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAliveStatistics;

/** What {@code /status} says. */
final class Status {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Status() {}

    static byte[] json(Server server) throws JsonProcessingException {
        DescriptorMonitor monitor = server.getBean(DescriptorMonitor.class);
        return JSON.writerWithDefaultPrettyPrinter()
                .writeValueAsBytes(monitor == null ? plain(server) : strict(monitor));
    }

    private static Map<String, Object> strict(DescriptorMonitor monitor) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("level", monitor.getLevel());
        result.put("pressure", monitor.getPressure());
        result.put(
                "descriptors",
                descriptors(
                        monitor.getUsedDescriptors(),
                        monitor.getDescriptorLimit(),
                        monitor.getReservedDescriptors(),
                        monitor.getProbeName()));
        Map<String, Object> connections = new LinkedHashMap<>();
        connections.put("opened", statistics.getOpened());
        connections.put("open", statistics.getOpen());
        connections.put("byState", statistics.getConnectionsByState());
        result.put("connections", connections);
        Map<String, Object> closed = new LinkedHashMap<>();
        closed.put("total", statistics.getClosed());
        closed.put("byReason", statistics.getClosedByReason());
        result.put("closed", closed);
        result.put("requests", statistics.getRequests());
        result.put("acceptingPaused", monitor.isAcceptingPaused());
        result.put("probeFailures", monitor.getProbeFailureCount());
        return result;
    }

    /** What can be known of a server without the policy. */
    private static Map<String, Object> plain(Server server) {
        int open = 0;
        for (Connector connector : server.getConnectors()) {
            open += connector.getConnectedEndPoints().size();
        }
        Map<String, Object> result = new LinkedHashMap<>();
        if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix) {
            long limit = unix.getMaxFileDescriptorCount();
            // Linux from 6.2 on tells the number of entries, also when no descriptor is left.
            long entries = new File("/proc/self/fd").length();
            result.put(
                    "descriptors",
                    entries > 0
                            ? descriptors(entries, limit, 0, "procfs")
                            : descriptors(opened(unix), limit, 0, "mxbean"));
        }
        result.put("connections", Map.of("open", open));
        return result;
    }

    private static long opened(UnixOperatingSystemMXBean unix) {
        try {
            return unix.getOpenFileDescriptorCount();
        } catch (InternalError x) {
            return -1; // It needs a descriptor itself, and none is left.
        }
    }

    private static Map<String, Object> descriptors(long used, long limit, long reserved, String probe) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("used", used);
        result.put("limit", limit);
        result.put("reserved", reserved);
        result.put("probe", probe);
        return result;
    }
}
