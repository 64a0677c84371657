package org.strictkeepalive.agent;

import java.lang.instrument.Instrumentation;
import java.util.function.Consumer;

/**
 * Governs every Jetty 12 server of a program, with the settings of its options:
 *
 * <pre>{@code
 * java -javaagent:jetty-strict-keepalive-agent.jar=keepAliveTimeout=75s,maxRequestsPerConnection=1000 -jar server.jar
 * }</pre>
 */
public final class Agent {
    private Agent() {}

    /**
     * Prepares the class of Jetty's server, before the program starts. A wrong option ends the process.
     *
     * @param options settings by name, separated by commas; null for none
     * @param instrumentation the JVM's
     */
    public static void premain(String options, Instrumentation instrumentation) {
        Consumer<Object> starting;
        try {
            starting = new Installer(Options.parse(options));
        } catch (IllegalArgumentException x) {
            // An exception would end the process too, but hide the reason behind a trace and a core dump's hint.
            System.err.println("strict-keepalive agent: " + x.getMessage());
            System.exit(1);
            return;
        }
        // Jetty's class loader need not see a class of ours, but it sees those of the JDK.
        System.getProperties().put(ServerTransformer.KEY, starting);
        instrumentation.addTransformer(new ServerTransformer());
    }
}
