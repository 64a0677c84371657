#!/usr/bin/env bash
# pages.sh [JAR]: what the pages of operators cost with COUNT (10000) idle connections, and what visitors notice.
set -e
. "$(dirname "$0")/lib.sh"
jar=${1:-$jar}
count=${COUNT:-10000}
seconds=${SECONDS_EACH:-6}
javac -d "$work" Clients.java
serve strict --idle-timeout 10m
port=${url%/}; port=${port##*:}
for i in 1 2 3; do wrk -t 1 -c 64 -d 2s "$url" >/dev/null; done
(ulimit -n 20000; exec java -XX:-MaxFDLimit -cp "$work" Clients hold "$port" "$count" >"$work/holder") &
servers+=($!)
until grep -q ready "$work/holder"; do sleep 0.2; done

# The CPU time of the threads that serve so far, in microseconds
cpu() {
    jcmd "$pid" Thread.print | sed -n 's/^"qtp.* cpu=\([0-9.]*\)ms .*/\1/p' | awk '{sum += $1} END {printf "%d\n", sum * 1000}'
}
# The 99th percentile of the times of visits from now on, in microseconds
visit() {
    java -cp "$work" Clients visit "$port" "$seconds" | awk '/failed/ {failed++} {print $2} END {if (failed) print failed " failed" >"/dev/stderr"}' |
        sort -g | awk '{v[NR] = $1} END {print v[int(NR * 0.99)]}'
}
# requests PATH CLIENTS prints how many a second are served
requests() {
    wrk -t 1 -c "$2" -d "${seconds}s" "$url$1" | awk '/Requests\/sec/ {print $2}'
}

for page in ${PAGES:-status metrics}; do
    for i in 1 2; do requests $page 1 >/dev/null; done
    before=$(cpu); sleep 10; quiet=$(($(cpu) - before))
    before=$(cpu)
    for i in 1 2 3 4 5 6 7 8 9 10; do curl -s -o /dev/null "$url$page"; sleep 1; done
    each=$((($(cpu) - before - quiet) / 10))
    one=$(requests $page 1)
    calm=$(visit)
    requests $page 8 >"$work/eight" &
    asking=$!
    pressed=$(visit)
    wait $asking
    echo "/$page: $one a second to one client, $(cat "$work/eight") to eight; visitors' p99: calm $calm us, meanwhile $pressed us"
    verdict "CPU of /$page once a second, $count connections" "$each" '<=' 1000 us
done
