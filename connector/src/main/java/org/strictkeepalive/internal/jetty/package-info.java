/** What Jetty calls. */
package org.strictkeepalive.internal.jetty;
