/** The numbers of the governed connections for Micrometer, which the application provides. */
package org.strictkeepalive.micrometer;
