package org.strictkeepalive.examples;

import java.time.Duration;
import java.util.function.Supplier;
import org.strictkeepalive.KeepAliveSetting;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.TypeConversionException;

/** The command line of the examples. */
@Command(
        name = "strict-keepalive-examples",
        description = "Examples of the strict keep-alive policy for Jetty.",
        mixinStandardHelpOptions = true,
        version = "strict-keepalive-examples " + Main.VERSION,
        subcommands = {ServeCommand.class, LeakDemoCommand.class, InspectCommand.class})
public final class Main {
    static final String VERSION = "0.1.0";

    private Main() {}

    /**
     * Runs a command and exits with its code: 0 for success, 1 for failure, 2 for a wrong command line.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        int code = commandLine().execute(args);
        System.exit(code);
    }

    static CommandLine commandLine() {
        CommandLine commandLine = new CommandLine(new Main());
        ServeCommand.addPolicyOptions(commandLine.getSubcommands().get("serve").getCommandSpec());
        return commandLine
                .registerConverter(Duration.class, Main::duration)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler((x, args) -> {
                    CommandLine command = x.getCommandLine();
                    command.getErr().println(x.getMessage());
                    command.getErr().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
                    return command.getCommandSpec().exitCodeOnInvalidInput();
                })
                .setExecutionExceptionHandler((x, command, parsed) -> {
                    command.getErr().println(x.getMessage() == null ? x.toString() : x.getMessage());
                    return x instanceof IllegalArgumentException ? 2 : 1;
                });
    }

    private static Duration duration(String text) {
        return (Duration) converted(() -> KeepAliveSetting.Unit.DURATION.parse(text));
    }

    /** Lets picocli show a refusal as it is. */
    static <T> T converted(Supplier<T> conversion) {
        try {
            return conversion.get();
        } catch (IllegalArgumentException x) {
            throw new TypeConversionException(x.getMessage());
        }
    }
}
