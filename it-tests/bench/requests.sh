#!/usr/bin/env bash
# requests.sh: what a keep-alive request costs, strict beside plain, by pairs of new processes in turns. The server has one
# core for itself and wrk another one. Each process is warmed up, since the compiler alone takes that long.
#
# PAIRS (10), SECONDS_EACH (10), FIRST (10; TLS 30): the requests of the first seconds are counted on their own,
# WARMUP (20; TLS 45): the seconds before the measurement, the first ones included.
# TLS=1, CONNECTIONS (64), METHOD (GET of 13 bytes; or POST of BODY bytes, 1024),
# CLIENT_CLOSES (0): each so many requests the client says close, to both sides, so that both close as often;
# CLIENT_CLOSES_A and CLIENT_CLOSES_B: to that side.
# FLAGS_A (--plain) and FLAGS_B (none) are flags of serve, JAR_A and JAR_B (the build) the jars: so two builds of strict can
# be compared, or plain with plain. JIT=1 counts what the compiler throws away after the warm-up, and names it.
set -e
. "$(dirname "$0")/lib.sh"
pairs=${PAIRS:-10} seconds=${SECONDS_EACH:-10} connections=${CONNECTIONS:-64} method=${METHOD:-GET}
body=0
[ "$method" = GET ] || body=${BODY:-1024}
first=${FIRST:-10} warmup=${WARMUP:-20} tls=
if [ -n "$TLS" ]; then first=${FIRST:-30} warmup=${WARMUP:-45} tls=--tls; fi
flags_a=${FLAGS_A---plain} flags_b=${FLAGS_B-}
jar_a=${JAR_A:-$jar} jar_b=${JAR_B:-$jar}
closes_a=${CLIENT_CLOSES_A:-${CLIENT_CLOSES:-0}} closes_b=${CLIENT_CLOSES_B:-${CLIENT_CLOSES:-0}}
prefix='taskset -c 0'

# run SECONDS prints requests, requests a second and the p99 in microseconds
run() {
    taskset -c 1 wrk -t 1 -c "$connections" -d "$1s" --latency -s requests.lua "$url" -- \
        "$method" "$body" "$closes" | awk '
        /99%/ {p99 = $2 ~ /us$/ ? $2 + 0 : $2 ~ /ms$/ ? $2 * 1000 : $2 * 1e6}
        / requests in / {count = $1}
        /Requests\/sec/ {rate = $2}
        /Non-2xx/ {failed = 1}
        END {if (failed || !rate) exit 1; print count, rate, p99}'
}

# The CPU time of the process, in hundredths of a second: user, all
cpu() {
    awk '{sub(/.*\) /, ""); print $12, $12 + $13}' /proc/"$pid"/stat
}

# side NAME JAR CLOSES FLAGS...: measures a new process, and adds a line to $work/NAME
side() {
    local name=$1 begun log=$work/$1.jit
    jar=$2
    closes=$3
    java_flags=${JIT:+-XX:+UnlockDiagnosticVMOptions -XX:+LogCompilation -XX:LogFile=$log}
    serve "$name" "${@:4}" $tls
    begun=$(run "$first" | cut -d' ' -f1)
    [ "$warmup" -le "$first" ] || run $((warmup - first)) >"$work/warm"
    local lines=0
    [ -z "$JIT" ] || lines=$(wc -l <"$log")
    read -r user0 all0 < <(cpu)
    read -r count rate p99 < <(run "$seconds")
    read -r user all < <(cpu)
    if [ -n "$JIT" ]; then
        tail -n +"$lines" "$log" | grep -c '^<uncommon_trap' >"$work/traps" || true
        echo "$name: $(cat "$work/traps") uncommon traps after the warm-up"
        tail -n +"$lines" "$log" | awk -F"'" '/^<uncommon_trap/ {trap = 1}
            trap && /<jvms/ {for (i = 1; i < NF; i++) if ($i ~ /method=$/) {print "  " $(i + 1); break} trap = 0}' |
            sort | uniq -c | sort -rn | head -20
    fi
    stop "$pid"
    awk -v b="$begun" -v c="$count" -v r="$rate" -v p="$p99" -v u=$((user - user0)) -v a=$((all - all0)) \
        'BEGIN {print r, p, u * 1e7 / c, a * 1e7 / c, b}' >>"$work/$name"
}

for ((i = 1; i <= pairs; i++)); do
    if ((i % 2)); then
        side a "$jar_a" "$closes_a" $flags_a; side b "$jar_b" "$closes_b" $flags_b
    else
        side b "$jar_b" "$closes_b" $flags_b; side a "$jar_a" "$closes_a" $flags_a
    fi
    paste -d' ' <(tail -1 "$work/a") <(tail -1 "$work/b") | awk -v i=$i '{
        printf "%2d: a %d/s p99 %d us, %d ns (user %d), first %d; b %d/s p99 %d us, %d ns (user %d), first %d\n",
            i, $1, $2, $4, $3, $5, $6, $7, $9, $8, $10}'
done
paste -d' ' "$work/a" "$work/b" >"$work/pairs"
what="$method${tls:+ over TLS}, $connections connections, a client's close each $closes_a (a), $closes_b (b)"
figure() { awk "{printf \"%.4f\n\", $1}" "$work/pairs" | median; }
least=0.98
[ "$closes_b" != 100 ] || least=0.97
verdict "$what: throughput, b by a" "$(figure '$6 / $1')" '>=' $least
verdict "p99, b by a" "$(figure '$7 / $2')" '<=' 1.03
verdict "CPU a request, b beyond a" "$(figure '$9 - $4')" '<=' 200 ns
verdict "requests of the first $first s, b by a" "$(figure '$10 / $5')" '>=' 0.95
echo "medians: CPU a request a $(figure '$4') ns (user $(figure '$3')), b $(figure '$9') ns (user $(figure '$8'))"
