#!/usr/bin/env bash
# start.sh: what install adds to the start of a server, by pairs of new processes in turns. PAIRS (15).
set -e
. "$(dirname "$0")/lib.sh"
javac -d "$work" -cp $jar Start.java
for ((i = 1; i <= ${PAIRS:-15}; i++)); do
    if ((i % 2)); then order='plain strict'; else order='strict plain'; fi
    for policy in $order; do
        java -cp "$jar:$work" Start $policy "$(date +%s%N)" 2>"$work/log" >>"$work/$policy" || { cat "$work/log"; exit 1; }
    done
done

# compare COLUMN NAME prints the medians of a column, and sets $beyond
compare() {
    local plain strict
    plain=$(cut -d' ' -f"$1" "$work/plain" | median)
    strict=$(cut -d' ' -f"$1" "$work/strict" | median)
    beyond=$(awk "BEGIN {printf \"%.1f\", $strict - $plain}")
    echo "$2: plain $plain ms, strict $strict ms, $beyond ms beyond"
}
compare 2 "process start to first answer"
compare 1 "install and start"
verdict "install and start, beyond plain Jetty" "$beyond" '<=' 20 ms
