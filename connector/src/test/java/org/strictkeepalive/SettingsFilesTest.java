package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAliveSetting.Unit;

/**
 * The files that follow from {@link KeepAliveSetting}. With {@code -Dsettings.write=true} they are written, else
 * compared.
 */
class SettingsFilesTest {
    /** The directory of the connector, also where these tests run in another module. */
    private static final Path CONNECTOR = Path.of("").toAbsolutePath().resolveSibling("connector");

    private static final String PREFIX = "jetty.strictKeepAlive.";

    private static String forEach(Function<KeepAliveSetting, String> text) {
        return Arrays.stream(KeepAliveSetting.values()).map(text).collect(Collectors.joining());
    }

    /** Expects a text between two others that stay; an empty one is the file's end. */
    private static void check(String path, String from, String to, String expected) throws IOException {
        Path file = CONNECTOR.resolve(path);
        String text = Files.readString(file);
        int start = text.indexOf(from) + from.length();
        int end = to.isEmpty() ? text.length() : text.indexOf(to, start);
        assertTrue(start >= from.length() && end >= start, () -> path + " has no " + from + " and " + to);
        if (Boolean.getBoolean("settings.write")) {
            Files.writeString(file, text.substring(0, start) + expected + text.substring(end));
        } else {
            assertEquals(
                    expected, text.substring(start, end), () -> path + " is not up to date: -Dsettings.write=true");
        }
    }

    @Test
    void theIniTemplateOfTheModule() throws IOException {
        check(
                "src/main/jetty-home/modules/strict-keepalive.mod",
                "A wrong value stops the start.\n",
                "",
                forEach(SettingsFilesTest::iniLines));
    }

    private static String iniLines(KeepAliveSetting setting) {
        Object preset = setting.getDefault();
        String unset = preset != null ? "" : "## Not set, it is " + setting.format(null) + ".\n";
        String shown = preset != null ? setting.format(preset) : setting.getUnit() == Unit.DURATION ? "30s" : "64";
        return "\n## " + setting.getDescription() + "\n" + unset + "# " + PREFIX + setting + "=" + shown + "\n";
    }

    @Test
    void theXmlOfTheModule() throws IOException {
        check(
                "src/main/jetty-home/etc/jetty-strict-keepalive.xml",
                "name=\"builder\">\n",
                "    <Call id=\"strictKeepAlivePolicy\"",
                forEach(setting ->
                        "    <Call name=\"set\"><Arg>%1$s</Arg><Arg><Property name=\"%2$s%1$s\"/></Arg></Call>\n"
                                .formatted(setting, PREFIX)));
    }

    @Test
    void theTableOfTheDocument() throws IOException {
        check(
                "docs/settings.md",
                "|---|---|---|---|---|---|\n",
                "\nThe Javadoc",
                forEach(setting -> "| `%s` | %s | %s | %s | %s | %s |\n"
                        .formatted(
                                setting,
                                unit(setting),
                                setting.format(setting.getDefault()),
                                setting.getRange(),
                                setting.getScope().name().toLowerCase(Locale.ROOT),
                                setting.getDescription())));
    }

    @Test
    void theMetadataOfSpringBoot() throws IOException {
        check(
                "src/main/resources/META-INF/spring-configuration-metadata.json",
                "\"properties\": [\n",
                "  ]",
                metadata("enabled", "java.lang.Boolean", "Whether the policy is installed.", "true")
                        + forEach(SettingsFilesTest::metadata).replaceFirst(",\n$", "\n"));
    }

    private static String metadata(KeepAliveSetting setting) {
        String type = switch (setting.getUnit()) {
            case DURATION -> "java.time.Duration";
            case COUNT -> "java.lang.Integer";
            case AMOUNT -> "java.lang.Long";
            case SHARE -> "java.lang.Double";
            case TRUTH -> "java.lang.Boolean";
        };
        Object preset = setting.getDefault();
        String value = preset == null ? null : setting.format(preset);
        boolean isText = setting.getUnit() == Unit.DURATION;
        String description = preset == null
                ? setting.getDescription() + " Default: " + setting.format(null) + "."
                : setting.getDescription();
        return metadata(
                setting.name().toLowerCase(Locale.ROOT).replace('_', '-'),
                type,
                description,
                isText && value != null ? '"' + value + '"' : value);
    }

    private static String metadata(String name, String type, String description, String preset) {
        return "    {\n      \"name\": \"strict-keep-alive." + name + "\",\n      \"type\": \"" + type
                + "\",\n      \"description\": \"" + description + "\""
                + (preset == null ? "" : ",\n      \"defaultValue\": " + preset) + "\n    },\n";
    }

    private static String unit(KeepAliveSetting setting) {
        return switch (setting.getUnit()) {
            case DURATION -> "time";
            case COUNT, AMOUNT -> "number";
            case SHARE -> "share";
            case TRUTH -> "true or false";
        };
    }
}
