#!/usr/bin/env bash
# idle.sh: what idle connections cost and when they end. COUNT (15000) of them from a process of their own.
set -e
. "$(dirname "$0")/lib.sh"
count=${COUNT:-15000}
timeout=20
javac -d "$work" Clients.java
# To be called in a process of its own, which it becomes
clients() {
    ulimit -n 20000
    exec java -XX:-MaxFDLimit -cp "$work" Clients "$@"
}

# The live objects of process $pid, in bytes; and the CPU time that it has used, in hundredths of a second
heap() {
    jcmd "$pid" GC.class_histogram | awk '/^Total/ {print $3}'
}
cpu() {
    awk '{sub(/.*\) /, ""); print $12 + $13}' /proc/"$pid"/stat
}

hold() {
    clients hold $port $count >"$work/clients" &
    holder=$!
    until grep -q ready "$work/clients"; do
        kill -0 $holder
        sleep 0.2
    done
}

for policy in plain strict; do
    serve $policy $([ $policy = plain ] && echo --plain) --idle-timeout 10m
    port=${url%/}; port=${port##*:}
    for i in 1 2 3; do wrk -t 1 -c 64 -d 2s "$url" >/dev/null; done
    # Once before, so that the threads that such a crowd wants are there.
    hold
    kill $holder
    until [ "$(ls /proc/"$pid"/fd | wc -l)" -lt 1000 ]; do sleep 0.5; done
    sleep 2
    before=$(heap)
    hold
    after=$(heap)
    sleep 10
    cpu=$(cpu); sleep 20; cpu=$(($(cpu) - cpu))
    declare "bytes_$policy=$(((after - before) / count))" "cpu_$policy=$cpu"
    kill $holder
    stop "$pid"
done
echo "a connection: plain $bytes_plain, strict $bytes_strict bytes; CPU in 20 s: plain $((cpu_plain * 10)), strict $((cpu_strict * 10)) ms"
verdict "memory of an idle connection beyond plain Jetty's" $((bytes_strict - bytes_plain)) '<=' 200 bytes
verdict "CPU of $count idle connections beyond plain Jetty's" "$(awk "BEGIN {printf \"%.2f\", ($cpu_strict - $cpu_plain) / 20}")" '<=' 0.5 '% core'

for when in spread once; do
    # So many would be pressure, and shrink the timeout.
    serve $when --descriptor-limit 100000 --keep-alive-timeout ${timeout}s --first-request-timeout 0
    port=${url%/}; port=${port##*:}
    for i in 1 2 3; do wrk -t 1 -c 64 -d 2s "$url" >/dev/null; done
    read -r earliest p99 latest < <(clients fin $port $count $timeout $when)
    stop "$pid"
    echo "FIN of $count that time out ($when): earliest $earliest ms after the time, by the clock of the clients"
    verdict "FIN of $count that time out ($when), p99" "$p99" '<=' 100 ms
    verdict "FIN of $count that time out ($when), latest" "$latest" '<=' 250 ms
done
