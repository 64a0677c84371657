package org.strictkeepalive;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as text: {@code 500ms}, {@code 75s}, {@code 2m}, {@code 1h}. */
final class DurationText {
    private static final Pattern TIME = Pattern.compile("([+-]?\\d{1,19})(ms|s|m|h|)");
    /** More seconds can't be counted in milliseconds. */
    private static final long MOST_SECONDS = Long.MAX_VALUE / 1000 - 1;

    private DurationText() {}

    /**
     * Reads a duration, also one as {@link Duration#parse} reads it. A plain number is in milliseconds.
     *
     * @throws IllegalArgumentException if the number is too large for a {@code long}
     * @throws java.time.DateTimeException if the text is no duration
     * @throws ArithmeticException if the duration is too long
     */
    static Duration parse(String text) {
        Matcher matcher = TIME.matcher(text);
        if (!matcher.matches()) {
            return Duration.parse(text);
        }
        long number = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            default -> Duration.ofMillis(number);
        };
    }

    /** Prints a duration so that {@link #parse} reads it. */
    static String format(Duration duration) {
        long seconds = duration.getSeconds();
        if (duration.getNano() % 1_000_000 != 0 || seconds > MOST_SECONDS || seconds < -MOST_SECONDS) {
            return duration.toString();
        }
        if (duration.getNano() != 0) {
            return duration.toMillis() + "ms";
        }
        if (seconds == 0 || seconds % 60 != 0) {
            return seconds + "s";
        }
        return seconds % 3600 == 0 ? seconds / 3600 + "h" : seconds / 60 + "m";
    }
}
