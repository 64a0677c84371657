/** The server as a whole: a tick, descriptors, accepting, relief. */
package org.strictkeepalive.internal.server;
