/** The life of one connection, and what Jetty does with it. */
package org.strictkeepalive.internal.connection;
