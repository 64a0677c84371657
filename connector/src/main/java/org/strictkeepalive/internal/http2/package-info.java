/** HTTP/2 connections. It is loaded only if {@code jetty-http2-common} is there. */
package org.strictkeepalive.internal.http2;
