/** What is counted, logged and told. */
package org.strictkeepalive.internal.observe;
