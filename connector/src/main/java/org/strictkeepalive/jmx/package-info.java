/** The MBeans that Jetty's JMX module makes for the classes of this library. Nothing here is called by applications. */
package org.strictkeepalive.jmx;
