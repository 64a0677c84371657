package org.strictkeepalive.internal.policy;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.KeepAliveSetting.Scope;

/** The rules across the settings of a policy, and across the policies of a server. Pure. */
public final class PolicyRules {
    private PolicyRules() {}

    /**
     * Checks the rules across settings, once all of them are known.
     *
     * @throws IllegalArgumentException for settings that contradict each other
     */
    public static void check(KeepAlivePolicy policy) {
        double elevatedAt = policy.getElevatedAt();
        double highAt = policy.getHighAt();
        if (elevatedAt > 0 && highAt > 0 && elevatedAt >= highAt) {
            throw isSet(policy, KeepAliveSetting.ELEVATED_AT)
                    ? refused(policy, KeepAliveSetting.ELEVATED_AT, "less than highAt, which is " + highAt)
                    : refused(policy, KeepAliveSetting.HIGH_AT, "more than elevatedAt, which is " + elevatedAt);
        }
        KeepAliveSetting lowest = elevatedAt > 0 ? KeepAliveSetting.ELEVATED_AT : KeepAliveSetting.HIGH_AT;
        double share = elevatedAt > 0 ? elevatedAt : highAt;
        if (share > 0 && policy.getHysteresis() >= share) {
            throw isSet(policy, KeepAliveSetting.HYSTERESIS)
                    ? refused(policy, KeepAliveSetting.HYSTERESIS, "less than " + lowest + ", which is " + share)
                    : refused(policy, lowest, "more than hysteresis, which is " + policy.getHysteresis());
        }
    }

    /** Whether somebody has chosen a value. Nobody is to blame for a default. */
    private static boolean isSet(KeepAlivePolicy policy, KeepAliveSetting setting) {
        return !Objects.equals(policy.get(setting), setting.getDefault());
    }

    private static IllegalArgumentException refused(KeepAlivePolicy policy, KeepAliveSetting setting, String expected) {
        return new IllegalArgumentException(
                setting + ": " + setting.format(policy.get(setting)) + " (expected: " + expected + ")");
    }

    /** Returns the settings of pressure, which a server has only once. In order. */
    public static List<KeepAliveSetting> serverSettings() {
        return Stream.of(KeepAliveSetting.values())
                .filter(setting -> setting.getScope() == Scope.SERVER)
                .toList();
    }

    /** Tells whether the settings of pressure are the same. */
    public static boolean agree(KeepAlivePolicy one, KeepAlivePolicy other) {
        return serverSettings().stream().allMatch(setting -> Objects.equals(one.get(setting), other.get(setting)));
    }

    /** Tells which settings change, and how. */
    public static String changes(KeepAlivePolicy from, KeepAlivePolicy to) {
        return Stream.of(KeepAliveSetting.values())
                .filter(setting -> !Objects.equals(from.get(setting), to.get(setting)))
                .map(setting ->
                        setting + ": " + setting.format(from.get(setting)) + " -> " + setting.format(to.get(setting)))
                .collect(Collectors.joining(", "));
    }
}
