/** The numbers of the governed connections for Micrometer, which the application brings. */
package org.strictkeepalive.micrometer;
