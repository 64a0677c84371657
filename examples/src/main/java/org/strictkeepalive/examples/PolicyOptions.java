package org.strictkeepalive.examples;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;

/** One flag for each setting of the policy; what is not given keeps its default. */
final class PolicyOptions {
    private final Map<KeepAliveSetting, String> values = new EnumMap<>(KeepAliveSetting.class);

    ArgGroupSpec group() {
        ArgGroupSpec.Builder group =
                ArgGroupSpec.builder().exclusive(false).validate(false).heading("%nSettings of the policy:%n");
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            group.addArg(option(setting));
        }
        return group.build();
    }

    private OptionSpec option(KeepAliveSetting setting) {
        String description = setting.getDescription() + " Default: " + setting.format(setting.getDefault()) + ".";
        return OptionSpec.builder(flag(setting))
                .type(String.class)
                .arity("1")
                .paramLabel(
                        switch (setting.getUnit()) {
                            case DURATION -> "TIME";
                            case COUNT, AMOUNT -> "N";
                            case SHARE -> "SHARE";
                            case TRUTH -> "true|false";
                        })
                .description(description.replace("%", "%%"))
                .converters(text -> Main.converted(() -> setting.format(setting.parse(text))))
                .setter(new ISetter() {
                    @Override
                    @SuppressWarnings("unchecked") // picocli's own way to say that any type will do.
                    public <T> T set(T value) {
                        return (T) values.put(setting, (String) value);
                    }
                })
                .build();
    }

    static String flag(KeepAliveSetting setting) {
        return "--" + setting.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    boolean isEmpty() {
        return values.isEmpty();
    }

    @Override
    public String toString() {
        return values.toString();
    }

    KeepAlivePolicy policy() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        values.forEach((setting, text) -> builder.set(setting.getName(), text));
        return builder.build();
    }
}
