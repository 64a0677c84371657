package org.strictkeepalive;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.strictkeepalive.KeepAliveSetting.Scope.CONNECTION;
import static org.strictkeepalive.KeepAliveSetting.Scope.SERVER;
import static org.strictkeepalive.KeepAliveSetting.Unit.AMOUNT;
import static org.strictkeepalive.KeepAliveSetting.Unit.COUNT;
import static org.strictkeepalive.KeepAliveSetting.Unit.DURATION;
import static org.strictkeepalive.KeepAliveSetting.Unit.SHARE;
import static org.strictkeepalive.KeepAliveSetting.Unit.TRUTH;

import java.time.DateTimeException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The settings of a {@link KeepAlivePolicy}. Each is described once, here: the builder's checks, the texts of refusals,
 * the attributes of JMX, the properties of the {@code jetty-home} module, and the documentation follow from it.
 */
@SuppressWarnings("ImmutableEnumChecker") // Every Object here is a Duration, a number or a Boolean.
public enum KeepAliveSetting {
    /** See {@link KeepAlivePolicy.Builder#keepAliveTimeout}. */
    KEEP_ALIVE_TIMEOUT(
            DURATION,
            CONNECTION,
            null,
            "the connector's idle timeout",
            "How long a connection may be idle, from the end of a response to the first byte of the next request."),
    /** See {@link KeepAlivePolicy.Builder#minKeepAliveTimeout}. */
    MIN_KEEP_ALIVE_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(1),
            "What keepAliveTimeout shrinks to under pressure, and how long a reused connection is safe from eviction after a response."),
    /** See {@link KeepAlivePolicy.Builder#requestHeaderTimeout}. */
    REQUEST_HEADER_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(10),
            "The time from the first byte of a request to the end of its headers; a client that exceeds it gets a 408."),
    /** See {@link KeepAlivePolicy.Builder#firstRequestTimeout}. */
    FIRST_REQUEST_TIMEOUT(
            DURATION,
            CONNECTION,
            null,
            "the connector's idle timeout",
            "The time from accept to the end of the first request's headers."),
    /** See {@link KeepAlivePolicy.Builder#handshakeTimeout}. */
    HANDSHAKE_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(10),
            "The time from accept to the end of TLS handshake, ALPN and PROXY header."),
    /** See {@link KeepAlivePolicy.Builder#minRequestHeaderTimeout}. */
    MIN_REQUEST_HEADER_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(1),
            "What requestHeaderTimeout and firstRequestTimeout shrink to under pressure."),
    /** See {@link KeepAlivePolicy.Builder#maxRequestsPerConnection}. */
    MAX_REQUESTS_PER_CONNECTION(
            COUNT, CONNECTION, 10_000, "How many requests a connection may carry; the last response says close."),
    /** See {@link KeepAlivePolicy.Builder#maxConnectionAge}. */
    MAX_CONNECTION_AGE(
            DURATION,
            CONNECTION,
            ofHours(1),
            "The age, since accept, from which the next response says close; an idle connection is not closed for its age."),
    /** See {@link KeepAlivePolicy.Builder#maxConnectionAgeJitter}. */
    MAX_CONNECTION_AGE_JITTER(
            SHARE, CONNECTION, 0.1, "The share by which each connection's maximum age is shortened at random."),
    /** See {@link KeepAlivePolicy.Builder#lingerTimeout}. */
    LINGER_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(2),
            "How long the server waits, at most, for the client's FIN after its own."),
    /** See {@link KeepAlivePolicy.Builder#unreadBodyLingerTimeout}. */
    UNREAD_BODY_LINGER_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(10),
            "The linger timeout after a request whose body was not read to its end."),
    /** See {@link KeepAlivePolicy.Builder#minDataRate}. */
    MIN_DATA_RATE(
            AMOUNT,
            CONNECTION,
            240L,
            "The rate, in bytes a second, below which a waiting exchange is ended under pressure."),
    /** See {@link KeepAlivePolicy.Builder#dataRateGrace}. */
    DATA_RATE_GRACE(
            DURATION,
            CONNECTION,
            ofSeconds(5),
            "How long an exchange may wait for its client before minDataRate applies."),
    /** See {@link KeepAlivePolicy.Builder#fastDataRate}. */
    FAST_DATA_RATE(
            AMOUNT,
            CONNECTION,
            16_384L,
            "The rate, in bytes a second, above which an exchange is never ended for being the slowest; 0 ends none for that."),
    /** See {@link KeepAlivePolicy.Builder#abandonedTimeout}. */
    ABANDONED_TIMEOUT(
            DURATION,
            CONNECTION,
            ofSeconds(5),
            "How long, under pressure, an exchange goes on after its client has shut its output; it shrinks to 1s and has no effect over TLS."),
    /** See {@link KeepAlivePolicy.Builder#advertiseKeepAlive}. */
    ADVERTISE_KEEP_ALIVE(
            TRUTH,
            CONNECTION,
            true,
            "Whether responses say Keep-Alive: timeout=..., max=... to clients that ask for it."),
    /** See {@link KeepAlivePolicy.Builder#keepAliveTimeoutBuffer}. */
    KEEP_ALIVE_TIMEOUT_BUFFER(
            DURATION, CONNECTION, ofSeconds(1), "By how much the advertised timeout is shorter than the real one."),
    /** See {@link KeepAlivePolicy.Builder#elevatedAt}. */
    ELEVATED_AT(SHARE, SERVER, 0.7, "The pressure from which timeouts shrink (ELEVATED)."),
    /** See {@link KeepAlivePolicy.Builder#highAt}. */
    HIGH_AT(SHARE, SERVER, 0.8, "The pressure from which idle connections are evicted (HIGH)."),
    /** See {@link KeepAlivePolicy.Builder#hysteresis}. */
    HYSTERESIS(SHARE, SERVER, 0.05, "0", "0.5", "How far below its threshold a level is left."),
    /** See {@link KeepAlivePolicy.Builder#fairShare}. */
    FAIR_SHARE(
            SHARE,
            SERVER,
            0.25,
            "The share of the idle connections that one address (IPv6: /64) may hold under pressure; what it holds beyond that is evicted first."),
    /** See {@link KeepAlivePolicy.Builder#reservedDescriptors}. */
    RESERVED_DESCRIPTORS(
            COUNT,
            SERVER,
            null,
            "1 % of the limit, but 16 to 256",
            "The number of descriptors kept free for everything but connections; at most a tenth of the connections' room, and always more than the acceptor threads."),
    /** See {@link KeepAlivePolicy.Builder#descriptorLimit}. */
    DESCRIPTOR_LIMIT(
            AMOUNT, SERVER, 0L, "The descriptors that count as the limit, at most the process's own; 0 for that."),
    /** See {@link KeepAlivePolicy.Builder#maxConnections}. */
    MAX_CONNECTIONS(COUNT, SERVER, 0, "The number of governed connections at which pressure is 1; 0 for none."),
    /** See {@link KeepAlivePolicy.Builder#pauseAcceptWhenCritical}. */
    PAUSE_ACCEPT_WHEN_CRITICAL(
            TRUTH, SERVER, true, "Whether accepting pauses while only the reserve is free (CRITICAL)."),
    /** See {@link KeepAlivePolicy.Builder#refuseWhenFull}. */
    REFUSE_WHEN_FULL(
            TRUTH, SERVER, false, "Whether visitors are answered with 503 while busy requests hold all the room."),
    /** See {@link KeepAlivePolicy.Builder#sampleInterval}. */
    SAMPLE_INTERVAL(
            DURATION,
            SERVER,
            ofMillis(100),
            "1ms",
            "10s",
            "How often deadlines are checked and descriptors are counted; more often while deadlines pass, and at CRITICAL.");

    private final String settingName;
    private final Unit unit;
    private final Scope scope;
    private final Object preset;
    /** The default in words if {@link #preset} is null. */
    private final String presetText;
    /** Null if zero or less is allowed and means off. */
    private final String least;
    /** Null for the unit's own. */
    private final String most;

    private final String description;

    KeepAliveSetting(Unit unit, Scope scope, Object preset, String description) {
        this(unit, scope, preset, null, null, null, description);
    }

    KeepAliveSetting(Unit unit, Scope scope, Object preset, String presetText, String description) {
        this(unit, scope, preset, presetText, null, null, description);
    }

    KeepAliveSetting(Unit unit, Scope scope, Object preset, String least, String most, String description) {
        this(unit, scope, preset, null, least, most, description);
    }

    /** Parses and formats nothing, since the start of every server runs this. */
    KeepAliveSetting(
            Unit unit, Scope scope, Object preset, String presetText, String least, String most, String description) {
        this.settingName = camelCase(name());
        this.unit = unit;
        this.scope = scope;
        this.preset = preset;
        this.presetText = presetText;
        this.least = least;
        this.most = most;
        this.description = description;
    }

    private static String camelCase(String constant) {
        StringBuilder result = new StringBuilder();
        for (String word : constant.toLowerCase(Locale.ROOT).split("_", -1)) {
            result.append(result.isEmpty() ? word.charAt(0) : Character.toUpperCase(word.charAt(0)));
            result.append(word, 1, word.length());
        }
        return result.toString();
    }

    /**
     * Finds a setting by its name. Case, {@code -} and {@code _} don't count, as in files and environment variables of
     * frameworks.
     *
     * @param name the name, such as {@code keepAliveTimeout}, {@code keep-alive-timeout} or {@code KEEP_ALIVE_TIMEOUT}
     * @return the setting, empty if none has this name
     */
    public static Optional<KeepAliveSetting> find(String name) {
        if (name == null) {
            return Optional.empty();
        }
        String letters = letters(name);
        return Arrays.stream(values())
                .filter(setting -> letters(setting.name()).equals(letters))
                .findAny();
    }

    private static String letters(String name) {
        return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
    }

    /** {@return the name, such as {@code keepAliveTimeout}} */
    public String getName() {
        return settingName;
    }

    /** {@return what kind of value the setting has} */
    public Unit getUnit() {
        return unit;
    }

    /** {@return what the setting belongs to} */
    public Scope getScope() {
        return scope;
    }

    /** {@return the default, null if it depends on the connector or the process} */
    public Object getDefault() {
        return preset;
    }

    /** {@return the range of its values as text, such as {@code 1ms to 10s}} */
    public String getRange() {
        return least == null ? unit.range : least + " to " + most;
    }

    /** {@return what the setting is, in one sentence} */
    public String getDescription() {
        return description;
    }

    /**
     * Reads a value.
     *
     * @param text the text; space around it is ignored. A duration looks like {@code 500ms}, {@code 75s}, {@code 2m},
     *     {@code 1h} or {@code PT75S}; a plain number is in milliseconds. {@code default} is {@link #getDefault()}
     * @return the value, of the type of its unit; null for a default that depends on the connector or the process
     * @throws IllegalArgumentException with the name, the text and what is allowed
     */
    public Object parse(String text) {
        if (text == null) {
            throw refused(null);
        }
        if (text.strip().equals("default")) {
            return preset;
        }
        Object value;
        try {
            value = unit.parse(text.strip());
        } catch (IllegalArgumentException x) {
            throw refused(text);
        }
        return check(value);
    }

    /**
     * Checks a value.
     *
     * @param value the value
     * @return the value; if zero or less switches the setting off, a negative value becomes zero
     * @throws IllegalArgumentException with the name, the value and what is allowed
     */
    public Object check(Object value) {
        Object upper = most == null ? unit.most : unit.parse(most);
        if (!unit.type.isInstance(value)
                || (least != null && compare(value, unit.parse(least)) < 0)
                || (upper != null && compare(value, upper) > 0)) {
            throw refused(value == null ? null : unit.format(value));
        }
        return least == null && unit.zero != null && compare(value, unit.zero) < 0 ? unit.zero : value;
    }

    @SuppressWarnings("unchecked") // Both are of the unit's type.
    private static int compare(Object a, Object b) {
        return ((Comparable<Object>) a).compareTo(b);
    }

    private IllegalArgumentException refused(String value) {
        String range = getRange();
        return new IllegalArgumentException(
                settingName + ": " + value + " (expected: " + unit.form + (range.isEmpty() ? "" : ", " + range) + ")");
    }

    /**
     * Prints a value so that {@link #parse} reads it.
     *
     * @param value the value; null if the setting is not set
     * @return the text; for null the default in words
     */
    public String format(Object value) {
        Object shown = value == null ? preset : value;
        return shown == null ? presetText : unit.format(shown);
    }

    /** {@return the name} */
    @Override
    public String toString() {
        return settingName;
    }

    /** What a setting belongs to. */
    public enum Scope {
        /** To the connections of a connector. */
        CONNECTION,
        /** To the server: pressure is the same for all of its connectors. */
        SERVER
    }

    /** What kind of value a setting has. */
    public enum Unit {
        /** A {@link Duration}. */
        DURATION(
                Duration.class,
                Duration.ZERO,
                Duration.ofDays(3650),
                "a time such as 500ms, 75s, 2m or 1h",
                "at most 3650 days; 0 or less switches it off"),
        /** An {@link Integer}. */
        COUNT(Integer.class, 0, null, "a whole number", "at most 2147483647; 0 or less switches it off"),
        /** A {@link Long}. */
        AMOUNT(Long.class, 0L, null, "a whole number", "0 or less switches it off"),
        /** A {@link Double}. */
        SHARE(Double.class, 0.0, 1.0, "a number", "at most 1; 0 or less switches it off"),
        /** A {@link Boolean}. */
        TRUTH(Boolean.class, null, null, "true or false", "");

        private final Class<?> type;
        private final Object zero;
        private final Object most;
        private final String form;
        private final String range;

        Unit(Class<?> type, Object zero, Object most, String form, String range) {
            this.type = type;
            this.zero = zero;
            this.most = most;
            this.form = form;
            this.range = range;
        }

        /**
         * Reads a value of this unit, whatever its range.
         *
         * @param text the text
         * @return the value
         * @throws IllegalArgumentException with the text and what is expected, if the text is no value of this unit
         */
        public Object parse(String text) {
            try {
                return switch (this) {
                    case DURATION -> DurationText.parse(text);
                    case COUNT -> Integer.valueOf(text);
                    case AMOUNT -> Long.valueOf(text);
                    case SHARE -> Double.valueOf(text);
                    case TRUTH -> truth(text);
                };
            } catch (IllegalArgumentException | DateTimeException | ArithmeticException x) {
                throw new IllegalArgumentException(text + " (expected: " + form + ")", x);
            }
        }

        private static Boolean truth(String text) {
            return switch (text) {
                case "true" -> true;
                case "false" -> false;
                default -> throw new IllegalArgumentException(text);
            };
        }

        private String format(Object value) {
            return value instanceof Duration duration ? DurationText.format(duration) : String.valueOf(value);
        }
    }
}
