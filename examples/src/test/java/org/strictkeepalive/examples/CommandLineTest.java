package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Locale;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAlivePolicy;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

class CommandLineTest {
    private final StringWriter errors = new StringWriter();
    private final StringWriter output = new StringWriter();
    private final CommandLine commandLine =
            Main.commandLine().setErr(new PrintWriter(errors)).setOut(new PrintWriter(output));

    @ParameterizedTest
    @CsvSource({"500ms,PT0.5S", "2s,PT2S", "1m,PT1M", "1h,PT1H", "0,PT0S", "0s,PT0S"})
    void durationsAreReadWithTheirUnit(String text, Duration expected) {
        assertEquals(expected, new DurationConverter().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "2", "2x", "s", "-1s", "1.5s", "1 s", "PT2S", "9999999999999s"})
    void wrongDurationsAreRefusedWithWhatIsAllowed(String text) {
        TypeConversionException x =
                assertThrows(TypeConversionException.class, () -> new DurationConverter().convert(text));
        assertTrue(x.getMessage().contains("'" + text + "'") && x.getMessage().contains("500ms"), x.getMessage());
    }

    @Test
    void eachSettingOfThePolicyHasItsFlag() {
        TreeSet<String> wanted = new TreeSet<>();
        for (Method method : KeepAlivePolicy.Builder.class.getDeclaredMethods()) {
            if (java.lang.reflect.Modifier.isPublic(method.getModifiers()) && method.getParameterCount() == 1) {
                wanted.add("--" + method.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT));
            }
        }
        assertEquals(25, wanted.size());
        TreeSet<String> flags = new TreeSet<>(commandLine
                .getSubcommands()
                .get("serve")
                .getCommandSpec()
                .optionsMap()
                .keySet());
        wanted.removeAll(flags);
        assertTrue(wanted.isEmpty(), "no flag: " + wanted);
    }

    @ParameterizedTest
    @CsvSource({
        "--high-at=2,highAt,2.0,at most 1",
        "--keep-alive-timeout=2x,--keep-alive-timeout,2x,500ms",
        "--sample-interval=0,sampleInterval,0s,1 ms to 10 s",
        "--hysteresis=0.9,hysteresis,0.9,0 to 0.5",
        "--max-requests-per-connection=many,--max-requests-per-connection,many,int",
        "--high-at=0.5,elevatedAt,0.7,highAt",
        "--port=70000,--port,70000,65535",
        "--no-such-flag,--no-such-flag,Unknown,--help"
    })
    void wrongValueExitsWithTwoAndNamesSettingValueAndWhatIsAllowed(
            String flag, String setting, String value, String allowed) {
        int code = flag.startsWith("--port")
                ? commandLine.execute("serve", flag)
                : commandLine.execute("serve", "--port=0", flag);
        assertEquals(2, code);
        for (String expected : new String[] {setting, value, allowed}) {
            assertTrue(errors.toString().contains(expected), () -> expected + " in: " + errors);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "serve", "leak-demo"})
    void helpIsOnEverything(String command) {
        int code = command.isEmpty() ? commandLine.execute("--help") : commandLine.execute(command, "--help");
        assertEquals(0, code);
        assertTrue(output.toString().contains("Usage:"), output::toString);
    }
}
