package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.internal.time.DeadlineWheel;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.FakeProbe;

/** With no descriptor free a class can't be loaded from a directory. So the classes of relief are loaded before. */
class RehearsalTest {
    @Test
    void reliefLoadsNoClass() throws Exception {
        OwnLoader loader = new OwnLoader();
        Runnable server = (Runnable) loader.loadClass(Server.class.getName())
                .getDeclaredConstructor()
                .newInstance();
        loader.loaded.clear();
        server.run();
        assertEquals(Set.of(), loader.loaded);
    }

    /** The parts of a server that relief needs, after the start of its first connector. */
    public static final class Server implements Runnable {
        private static final long SECOND = 1_000_000_000L;

        private final long now = 1_000 * SECOND;
        private final DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(now);
        private final Failures failures = new Failures();
        private final PressureMeter meter = new PressureMeter(
                new DescriptorCounter(new FakeProbe(), now),
                new ConnectionCount(),
                new PressureSources(false, failures),
                failures);
        private final Looks looks = new Looks(wheel, meter, failures, now);
        private final Relief relief = new Relief(wheel, looks);
        private final PressureGauge gauge = new PressureGauge(KeepAlivePolicy.defaults());
        private final List<FakeConnection> idle = List.of(
                new FakeConnection("newcomer", ConnectionState.IDLE, false, now - 20 * SECOND),
                new FakeConnection("reused", ConnectionState.IDLE, true, now - 20 * SECOND));
        private final FakeConnection lingering =
                new FakeConnection("lingering", ConnectionState.LINGERING, false, now - SECOND);

        public Server() {
            idle.forEach(connection -> wheel.add(connection, now + SECOND));
            wheel.add(lingering, now + SECOND);
            Relief.rehearse(now, looks, meter.gauge());
        }

        @Override
        public void run() {
            for (int i = 0; i < 2; i++) {
                relief.step(
                        new Tick(
                                now + i * Relief.INTERVAL,
                                new Pressure(PressureLevel.CRITICAL, 1, 1, 1000, 1000, 1, 12, 0, Verdict.NONE)),
                        gauge);
            }
            assertEquals(0, failures.count());
            idle.forEach(connection -> assertEquals(1, connection.evictions));
        }
    }

    /** Loads this project's classes by itself, and keeps their names. */
    private static final class OwnLoader extends ClassLoader {
        private final Set<String> loaded = new ConcurrentSkipListSet<>();

        private OwnLoader() {
            super(RehearsalTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("org.strictkeepalive.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                return known != null ? known : load(name);
            }
        }

        private Class<?> load(String name) throws ClassNotFoundException {
            try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                byte[] code = in.readAllBytes();
                loaded.add(name);
                return defineClass(name, code, 0, code.length);
            } catch (IOException x) {
                throw new ClassNotFoundException(name, x);
            }
        }
    }
}
