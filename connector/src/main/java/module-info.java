/** A strict keep-alive policy for the connections of Eclipse Jetty. */
@SuppressWarnings("requires-automatic") // Micrometer has no module descriptor.
module org.strictkeepalive {
    requires transitive org.eclipse.jetty.server;
    requires transitive org.eclipse.jetty.util;
    requires org.slf4j;
    // For the process's descriptor limit.
    requires java.management;
    requires jdk.management;
    // For org.strictkeepalive.micrometer only; the application provides it.
    requires static micrometer.core;
    // For HTTP/2 only; the application provides it.
    requires static org.eclipse.jetty.http2.common;
    // For the MBeans only; the application provides it.
    requires static org.eclipse.jetty.jmx;

    exports org.strictkeepalive;
    exports org.strictkeepalive.jmx to
            org.eclipse.jetty.jmx;
    exports org.strictkeepalive.micrometer;
}
