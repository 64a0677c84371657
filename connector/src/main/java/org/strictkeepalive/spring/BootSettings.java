package org.strictkeepalive.spring;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.springframework.boot.context.properties.bind.BindException;
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
        if (!binder.bind(PREFIX + "." + ENABLED, Boolean.class).orElse(true)) {
            return KeepAlivePolicy.defaults();
        }
        refuseUnknown(binder);
        KeepAlivePolicy.Builder policy = KeepAlivePolicy.builder();
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            String property = PREFIX + "." + kebab(setting);
            binder.bind(property, String.class).ifBound(text -> set(policy, setting, property, text, binder));
        }
        return policy.build();
    }

    private static void set(
            KeepAlivePolicy.Builder policy, KeepAliveSetting setting, String property, String text, Binder binder) {
        try {
            policy.set(setting.getName(), inFormOfBoot(setting, property, text, binder));
        } catch (IllegalArgumentException x) {
            throw new InvalidConfigurationPropertyValueException(property, text, x.getMessage());
        }
    }

    /** Spring Boot knows further forms of a time, such as 1d, and of a truth, such as yes. */
    private static String inFormOfBoot(KeepAliveSetting setting, String property, String text, Binder binder) {
        Class<?> type = switch (setting.getUnit()) {
            case DURATION -> Duration.class;
            case TRUTH -> Boolean.class;
            default -> String.class;
        };
        try {
            return type == String.class
                    ? text
                    : setting.format(binder.bind(property, type).get());
        } catch (BindException x) {
            return text;
        }
    }

    private static void refuseUnknown(Binder binder) {
        Map<String, String> all =
                binder.bind(PREFIX, Bindable.mapOf(String.class, String.class)).orElse(Map.of());
        all.forEach((name, text) -> {
            if (!name.equalsIgnoreCase(ENABLED) && KeepAliveSetting.find(name).isEmpty()) {
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
