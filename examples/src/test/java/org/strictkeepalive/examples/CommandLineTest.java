package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.stream.Stream;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class CommandLineTest {
    private final StringWriter errors = new StringWriter();
    private final StringWriter output = new StringWriter();
    private final CommandLine commandLine =
            Main.commandLine().setErr(new PrintWriter(errors)).setOut(new PrintWriter(output));

    private OptionSpec option(String flag) {
        return commandLine
                .getSubcommands()
                .get("serve")
                .getCommandSpec()
                .optionsMap()
                .get(flag);
    }

    @ParameterizedTest
    @EnumSource
    void eachSettingOfThePolicyHasItsFlag(KeepAliveSetting setting) {
        String flag = "--" + setting.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
        assertEquals(1, option(flag).arity().min(), flag);
        String help = option(flag).description()[0].replace("%%", "%");
        assertEquals(setting.getDescription() + " Default: " + setting.format(setting.getDefault()) + ".", help);
    }

    @Test
    void whatIsGivenIsTakenAndTheRestKeepsItsDefault() {
        KeepAlivePolicy policy = policy("--keep-alive-timeout=75s", "--high-at", "0.9", "--advertise-keep-alive=false");
        assertEquals(Duration.ofSeconds(75), policy.getKeepAliveTimeout());
        assertEquals(0.9, policy.getHighAt());
        assertFalse(policy.isAdvertiseKeepAlive());
        assertEquals(10_000, policy.getMaxRequestsPerConnection());
        assertEquals(KeepAlivePolicy.defaults().toString(), policy().toString());
    }

    private KeepAlivePolicy policy(String... flags) {
        String[] arguments =
                Stream.concat(Stream.of("serve", "--port=0"), Stream.of(flags)).toArray(String[]::new);
        CommandLine serve = Main.commandLine()
                .parseArgs(arguments)
                .subcommand()
                .commandSpec()
                .commandLine();
        Server server = assertDoesNotThrow(() -> ((ServeCommand) serve.getCommand()).newServer());
        return server.getConnectors()[0]
                .getConnectionFactory(StrictKeepAliveConnectionFactory.class)
                .getPolicy();
    }

    @ParameterizedTest
    @CsvSource({
        "--high-at=2,highAt,2.0,at most 1",
        "--keep-alive-timeout=2x,--keep-alive-timeout,2x,500ms",
        "--idle-timeout=2x,--idle-timeout,2x,500ms",
        "--advertise-keep-alive=yes,advertiseKeepAlive,yes,true or false",
        "--sample-interval=0,sampleInterval,0s,1ms to 10s",
        "--hysteresis=0.9,hysteresis,0.9,0 to 0.5",
        "--max-requests-per-connection=many,--max-requests-per-connection,many,a whole number",
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
