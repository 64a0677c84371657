package org.strictkeepalive.spring;

import java.util.LinkedHashMap;
import java.util.Map;

/** What the health indicator says. Pressure is no reason to send visitors elsewhere: the policy answers to it. */
record BootHealth(String status, Map<String, Object> details) {
    /** What switches the indicator off, as those of Spring Boot. */
    static final String ENABLED =
            "${management.health.strict-keep-alive.enabled:${management.health.defaults.enabled:true}}";

    /** Names of Spring Boot. */
    private static final String UP = "UP";

    private static final String OUT_OF_SERVICE = "OUT_OF_SERVICE";

    static BootHealth of(BootServer server) {
        return server.monitor()
                .map(monitor -> {
                    Map<String, Object> details = new LinkedHashMap<>();
                    details.put("draining", monitor.isDraining());
                    details.put("level", monitor.getLevelName());
                    details.put("usedDescriptors", monitor.getUsedDescriptors());
                    details.put("descriptorLimit", monitor.getDescriptorLimit());
                    details.put("openConnections", monitor.getOpenConnections());
                    return new BootHealth(monitor.isDraining() ? OUT_OF_SERVICE : UP, details);
                })
                .orElseGet(() -> new BootHealth(UP, Map.of("governed", false)));
    }
}
