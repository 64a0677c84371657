/**
 * The policy in applications of Spring Boot 3 and 4 with Jetty: the dependency alone is enough. Settings are properties
 * {@code strict-keep-alive.*}.
 */
package org.strictkeepalive.spring;
