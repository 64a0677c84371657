package org.strictkeepalive.simulation;

import java.util.function.IntToDoubleFunction;

/**
 * Visitors, spread over some seconds by weight, the share of leaky ones, the machine that they come to, and the share of
 * those that speak HTTP/2.
 */
record SimulationLoad(
        int visitors, int seconds, IntToDoubleFunction weight, double leaky, Machine machine, double http2) {
    SimulationLoad(int visitors, int seconds, IntToDoubleFunction weight, double leaky, Machine machine) {
        this(visitors, seconds, weight, leaky, machine, 0);
    }

    /** The same visitors, of whom this share speaks HTTP/2. */
    SimulationLoad withHttp2(double share) {
        return new SimulationLoad(visitors, seconds, weight, leaky, machine, share);
    }

    /** A day with its night, and crowds. */
    static SimulationLoad day(int visitors, double leaky, Machine machine) {
        int day = 24 * 3600;
        return new SimulationLoad(
                visitors,
                day,
                second -> (1 - 0.6 * Math.cos(2 * Math.PI * second / day)) * crowd(second),
                leaky,
                machine);
    }

    private static double crowd(int second) {
        if (second == 12 * 3600) {
            return 60;
        }
        int minute = second / 60;
        if (minute >= 3 * 60 && minute < 3 * 60 + 10) {
            return 8;
        } else if (minute >= 9 * 60 && minute < 9 * 60 + 30) {
            return 3;
        } else if (minute >= 15 * 60 && minute < 15 * 60 + 2) {
            return 20;
        } else if (minute >= 20 * 60 && minute < 20 * 60 + 10) {
            return 6;
        }
        return 1;
    }

    /** What the process may open, and what the application holds of it. */
    record Machine(int limit, int held) {}
}
