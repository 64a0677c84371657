/** Decisions. They know neither Jetty nor a clock. */
package org.strictkeepalive.internal.policy;
