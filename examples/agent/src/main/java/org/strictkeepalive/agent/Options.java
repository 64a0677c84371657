package org.strictkeepalive.agent;

import java.util.LinkedHashMap;
import java.util.Map;
import org.strictkeepalive.KeepAlivePolicy;

/** Reads the options of the agent: {@code name=value}, separated by commas. */
final class Options {
    private Options() {}

    /**
     * Checks each option, and returns them by name.
     *
     * @throws IllegalArgumentException for a wrong name or value; the message names the setting
     */
    static Map<String, String> parse(String options) {
        Map<String, String> result = new LinkedHashMap<>();
        KeepAlivePolicy.Builder policy = KeepAlivePolicy.builder();
        if (options == null || options.isBlank()) {
            return result;
        }
        for (String option : options.split(",", -1)) {
            int equals = option.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException(option.strip() + " (expected: name=value,name=value)");
            }
            String name = option.substring(0, equals).strip();
            String value = option.substring(equals + 1).strip();
            policy.set(name, value);
            if (result.put(name, value) != null) {
                throw new IllegalArgumentException(name + ": " + value + " (expected: once)");
            }
        }
        return result;
    }
}
