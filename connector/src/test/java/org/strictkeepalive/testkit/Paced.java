package org.strictkeepalive.testkit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A test whose client has to keep a pace, or else something quite right happens that it doesn't ask for: a client that
 * is meant to be in time is late. A try in which the machine itself stood still for longer than that proves nothing and
 * is not counted; in any other try a failure is a failure. See {@link TestMachine}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Paced {
    /** For how long the machine may stand still, in milliseconds: less than the client has to spare. */
    long stallMs();
}
