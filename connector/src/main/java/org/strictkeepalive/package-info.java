/**
 * A strict keep-alive policy for Jetty's HTTP/1.1 connections.
 *
 * <p>{@link org.strictkeepalive.StrictKeepAliveConnectionFactory} takes the place of Jetty's
 * {@link org.eclipse.jetty.server.HttpConnectionFactory}, by hand or through
 * {@link org.strictkeepalive.StrictKeepAlive#install(org.eclipse.jetty.server.Server)}. Settings are a
 * {@link org.strictkeepalive.KeepAlivePolicy}, what happens is seen in the
 * {@link org.strictkeepalive.DescriptorMonitor} of the server and its
 * {@link org.strictkeepalive.KeepAliveStatistics}.
 */
package org.strictkeepalive;
