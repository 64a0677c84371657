/** A strict keep-alive policy for the connections of Eclipse Jetty. */
@SuppressWarnings("requires-automatic") // Micrometer and Spring have no module descriptors.
module org.strictkeepalive {
    requires transitive org.eclipse.jetty.server;
    requires transitive org.eclipse.jetty.util;
    requires org.slf4j;
    // For the process's descriptor limit.
    requires java.management;
    requires jdk.management;
    // For org.strictkeepalive.micrometer only; the application provides it.
    requires static micrometer.core;
    // For org.strictkeepalive.spring only; the application provides them.
    requires static spring.beans;
    requires static spring.boot;
    requires static spring.boot.actuator;
    requires static spring.boot.autoconfigure;
    requires static spring.boot.health;
    requires static spring.boot.jetty;
    requires static spring.context;
    requires static spring.core;
    // For HTTP/2 only; the application provides it.
    requires static org.eclipse.jetty.http2.common;
    // For the MBeans only; the application provides it.
    requires static org.eclipse.jetty.jmx;

    exports org.strictkeepalive;
    exports org.strictkeepalive.jmx to
            org.eclipse.jetty.jmx;
    exports org.strictkeepalive.micrometer;

    opens org.strictkeepalive.spring;
}
