package org.strictkeepalive.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.UnixOperatingSystemMXBean;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;

/** What {@code /status} says of a server without the policy. */
final class PlainStatusHandler extends Handler.Abstract.NonBlocking {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws JsonProcessingException {
        if (!Request.getPathInContext(request).equals("/status")) {
            return false;
        }
        byte[] json = JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(status(getServer()));
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.write(true, ByteBuffer.wrap(json), callback);
        return true;
    }

    static Map<String, Object> status(Server server) {
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
