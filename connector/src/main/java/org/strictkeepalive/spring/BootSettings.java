package org.strictkeepalive.spring;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.core.env.Environment;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;

/** Reads the settings from the properties of Spring Boot, in any form that it knows. */
final class BootSettings {
    static final String PREFIX = "strict-keep-alive";
    static final String ENABLED = "enabled";

    private BootSettings() {}

    /**
     * Reads the policy.
     *
     * @throws InvalidConfigurationPropertyValueException for a wrong value and for a name that is no setting; Spring Boot
     *     reports it without a trace
     */
    static KeepAlivePolicy policy(Environment environment) {
        Binder binder = Binder.get(environment);
        refuseUnknown(binder);
        KeepAlivePolicy.Builder policy = KeepAlivePolicy.builder();
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            String property = PREFIX + "." + kebab(setting);
            binder.bind(property, String.class).ifBound(text -> set(policy, setting, property, text));
        }
        return policy.build();
    }

    private static void set(KeepAlivePolicy.Builder policy, KeepAliveSetting setting, String property, String text) {
        try {
            policy.set(setting.getName(), text);
        } catch (IllegalArgumentException x) {
            throw new InvalidConfigurationPropertyValueException(property, text, x.getMessage());
        }
    }

    private static void refuseUnknown(Binder binder) {
        Map<String, String> all =
                binder.bind(PREFIX, Bindable.mapOf(String.class, String.class)).orElse(Map.of());
        all.forEach((name, text) -> {
            if (!name.equals(ENABLED) && KeepAliveSetting.find(name).isEmpty()) {
                throw new InvalidConfigurationPropertyValueException(
                        PREFIX + "." + name,
                        text,
                        "expected: one of " + ENABLED + ", "
                                + Arrays.stream(KeepAliveSetting.values())
                                        .map(BootSettings::kebab)
                                        .collect(Collectors.joining(", ")));
            }
        });
    }

    private static String kebab(KeepAliveSetting setting) {
        return setting.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
