/** Deadlines, ticks and threads. They know neither Jetty nor a clock. */
package org.strictkeepalive.internal.time;
