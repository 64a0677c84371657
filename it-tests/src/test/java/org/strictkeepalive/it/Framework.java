package org.strictkeepalive.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The programs of the page on frameworks, and products that take the agent. */
enum Framework {
    JAVALIN("Javalin", 17, "app.start(8080);", "app::stop"),
    DROPWIZARD("Dropwizard", 17, null, null),
    HTTP4K("http4k", 21, "server.start();", "server::stop"),
    CXF("Apache CXF", 17, "factory.create();", "() -> BusFactory.getDefaultBus().shutdown(true)"),
    FUSEKI("Jena Fuseki", 21, "fuseki.start();", "fuseki::stop"),
    WIREMOCK("WireMock", 17, "wireMock.start();", "wireMock::stop"),
    /** The dependency alone governs it. */
    SPRING_BOOT_4(null, 17, null, null),
    SPRING_BOOT_3(null, 17, null, null),
    /** The fat jar, with the agent. */
    FUSEKI_SERVER(null, 21, null, null),
    /** Standalone, with the agent. */
    KAFKA_CONNECT(null, 17, null, null);

    private static final Path DOCUMENT = Path.of("../connector/docs/frameworks.md");
    private static final String PORT = "8080";

    private final String section;
    private final int java;
    private final String start;
    private final String stop;

    Framework(String section, int java, String start, String stop) {
        this.section = section;
        this.java = java;
        this.start = start;
        this.stop = stop;
    }

    /** The oldest Java that it runs on. */
    int java() {
        return java;
    }

    boolean isInDefaultBuild() {
        return this == JAVALIN || this == DROPWIZARD;
    }

    boolean takesTheAgent() {
        return this == FUSEKI_SERVER || this == KAFKA_CONNECT;
    }

    boolean isSpringBoot() {
        return this == SPRING_BOOT_4 || this == SPRING_BOOT_3;
    }

    /** What its visitors ask for. */
    String path() {
        return switch (this) {
            case FUSEKI, FUSEKI_SERVER -> "/$/ping";
            case SPRING_BOOT_4, SPRING_BOOT_3 -> "/hello";
            default -> "/";
        };
    }

    String main() {
        return switch (this) {
            case DROPWIZARD -> "HelloApplication";
            case KAFKA_CONNECT -> "org.apache.kafka.connect.cli.ConnectStandalone";
            case SPRING_BOOT_4, SPRING_BOOT_3 -> "app.Application";
            default -> "Application";
        };
    }

    String classPath() throws IOException {
        String module = switch (this) {
            case SPRING_BOOT_4, SPRING_BOOT_3 ->
                "../" + name().toLowerCase(Locale.ROOT).replace('_', '-');
            case CXF, DROPWIZARD, FUSEKI, HTTP4K, JAVALIN, WIREMOCK -> name().toLowerCase(Locale.ROOT);
            case FUSEKI_SERVER -> "fuseki-server";
            case KAFKA_CONNECT -> "kafka-connect";
        };
        return App.classPath("frameworks/" + module);
    }

    /**
     * The sources on the page by file name, for a port, and with a shutdown hook where the framework has none of its own.
     *
     * @param strict false to leave out the lines with {@code StrictKeepAlive}, and the classes beside the main one
     */
    Map<String, String> sources(int port, boolean strict) throws IOException {
        Map<String, String> result = new HashMap<>();
        if (isSpringBoot()) {
            return Map.of("Application.java", SpringBootIT.APPLICATION);
        }
        if (takesTheAgent()) {
            return result;
        }
        String page = Files.readString(DOCUMENT);
        int begin = page.indexOf("\n## " + section + "\n");
        int end = page.indexOf("\n## ", begin + 1); // There is one: the page ends with its figures.
        Matcher matcher = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(page.substring(begin, end));
        while (matcher.find()) {
            String source = matcher.group(1);
            Matcher type = Pattern.compile("public class (\\w+)").matcher(source);
            if (!type.find()) {
                throw new IOException("no class: " + source);
            }
            boolean ofPolicy = !type.group(1).equals(main());
            if (!strict && !ofPolicy) {
                source = source.replaceAll("(?m)^.*StrictKeepAlive.*\n", "");
            }
            if (strict || !ofPolicy) {
                result.put(type.group(1) + ".java", edited(source, port));
            }
        }
        return result;
    }

    private String edited(String source, int port) {
        String result = source;
        if (start != null) {
            result = result.replace(
                    start,
                    start + "\n        Runnable stop = " + stop + ";\n"
                            + "        Runtime.getRuntime().addShutdownHook(new Thread(stop));");
        }
        return result.replace(PORT, Integer.toString(port));
    }
}
