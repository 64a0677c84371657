#!/usr/bin/env bash
# requests.sh [clear|tls|accept]: strict against plain by pairs of wrk's runs in turns: a keep-alive GET of 13 bytes on 64
# connections, clear text or TLS; or, to measure accepting, a connection for each request.
# PAIRS (10) and SECONDS_EACH (3); further flags of serve for the strict side in FLAGS. Each two pairs have servers of their
# own, since the JIT doesn't compile two processes of the same server alike: CONTROL=1 compares plain with plain.
set -e
. "$(dirname "$0")/lib.sh"
what=${1:-clear}
pairs=${PAIRS:-10}
seconds=${SECONDS_EACH:-3}
[ "$what" = tls ] && tls=--tls || tls=
[ "$what" = accept ] && header='Connection: close' || header='Accept: */*'

# run URL prints requests a second and the p99 in microseconds
run() {
    wrk -t 1 -c 64 -d "${2:-$seconds}" --latency -H "$header" "$1" | awk '
        /99%/ {p99 = $2 ~ /us$/ ? $2 + 0 : $2 ~ /ms$/ ? $2 * 1000 : $2 * 1e6}
        /Requests\/sec/ {rate = $2}
        /Non-2xx/ {failed = 1}
        END {if (failed || !rate) exit 1; print rate, p99}'
}

for ((i = 1; i <= pairs; i++)); do
    if ((i % 2)); then
        serve plain --plain $tls
        plain=$url plain_pid=$pid
        serve strict ${CONTROL:+--plain} $tls $FLAGS
        strict=$url strict_pid=$pid
        for j in 1 2 3; do
            run "$plain" 4 >"$work/warm"
            run "$strict" 4 >"$work/warm"
        done
        p=$(run "$plain") s=$(run "$strict")
    else
        s=$(run "$strict") p=$(run "$plain")
        stop "$plain_pid"
        stop "$strict_pid"
    fi
    echo "$p $s" | tee -a "$work/pairs" | awk '{printf "plain %d/s p99 %d us, strict %d/s p99 %d us\n", $1, $2, $3, $4}'
done
least=$([ "$what" = accept ] && echo 0.98 || echo 0.99)
verdict "$what: throughput, median of the pairs' ratios" "$(awk '{printf "%.4f\n", $3 / $1}' "$work/pairs" | median)" '>=' $least
[ "$what" = accept ] || verdict "$what: p99, median of the pairs' ratios" "$(awk '{printf "%.4f\n", $4 / $2}' "$work/pairs" | median)" '<=' 1.02
