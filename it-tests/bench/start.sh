#!/usr/bin/env bash
# start.sh: what install adds to the start of a server, by pairs of new processes in turns. PAIRS (15).
set -e
. "$(dirname "$0")/lib.sh"
javac -d "$work" -cp $jar Start.java
for ((i = 1; i <= ${PAIRS:-15}; i++)); do
    if ((i % 2)); then order='plain strict'; else order='strict plain'; fi
    for policy in $order; do
        java -cp "$jar:$work" Start $policy 2>"$work/log" >>"$work/$policy" || { cat "$work/log"; exit 1; }
    done
done
plain=$(median <"$work/plain")
strict=$(median <"$work/strict")
echo "plain $plain ms, strict $strict ms"
verdict "install and start, beyond plain Jetty" "$(awk "BEGIN {print $strict - $plain}")" '<=' 20 ms
