package org.strictkeepalive.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ServerTransformerTest {
    private static final String NAME = Server.class.getName();

    @AfterEach
    void removeTheProperty() {
        System.getProperties().remove(ServerTransformer.KEY);
    }

    /** A Jetty of its own, as the agent leaves it. */
    private static final class Loader extends ClassLoader {
        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            Class<?> loaded = findLoadedClass(name);
            if (loaded != null || !name.startsWith("org.eclipse.jetty.")) {
                return loaded != null ? loaded : super.loadClass(name, resolve);
            }
            String path = name.replace('.', '/');
            try (InputStream in = getResourceAsStream(path + ".class")) {
                if (in == null) {
                    throw new ClassNotFoundException(name);
                }
                byte[] original = in.readAllBytes();
                byte[] changed = new ServerTransformer().transform(this, path, null, null, original);
                byte[] bytes = changed == null ? original : changed;
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException x) {
                throw new ClassNotFoundException(name, x);
            }
        }
    }

    @Test
    void theServerIsHandedOutBeforeItStartsAnything() throws Exception {
        Class<?> type = new Loader().loadClass(NAME);
        Object server = type.getConstructor().newInstance();
        List<Object> handedOut = new ArrayList<>();
        Consumer<Object> failing = starting -> {
            handedOut.add(starting);
            throw new IllegalArgumentException("not so");
        };
        System.getProperties().put(ServerTransformer.KEY, failing);
        Throwable thrown = assertThrows(
                        ReflectiveOperationException.class,
                        () -> type.getMethod("start").invoke(server))
                .getCause();
        assertEquals("not so", thrown.getMessage());
        assertEquals(List.of(server), handedOut);
    }

    @Test
    void otherClassesAreLeftAlone() {
        assertNull(new ServerTransformer().transform(null, "org/eclipse/jetty/server/Other", null, null, new byte[0]));
    }

    @Test
    void aClassThatCannotBeReadIsLeftAlone() {
        assertNull(new ServerTransformer()
                .transform(null, "org/eclipse/jetty/server/Server", null, null, new byte[] {1, 2, 3}));
    }
}
