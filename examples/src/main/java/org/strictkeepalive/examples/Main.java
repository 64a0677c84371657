package org.strictkeepalive.examples;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line of the examples. */
@Command(
        name = "strict-keepalive-examples",
        description = "Examples of the strict keep-alive policy for Jetty.",
        mixinStandardHelpOptions = true,
        version = "strict-keepalive-examples 0.1.0-SNAPSHOT",
        subcommands = {ServeCommand.class, LeakDemoCommand.class, InspectCommand.class})
public final class Main {
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
        return new CommandLine(new Main())
                .registerConverter(java.time.Duration.class, new DurationConverter())
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
}
