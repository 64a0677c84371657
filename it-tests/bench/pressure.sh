#!/usr/bin/env bash
# pressure.sh: how soon a level is seen, and the eviction of COUNT (10000) idle connections while visitors are served.
set -e
. "$(dirname "$0")/lib.sh"
count=${COUNT:-10000}
javac -d "$work" -cp $jar Clients.java Pressure.java
mkfifo "$work/input"
(ulimit -n 20000; exec java -XX:-MaxFDLimit -cp "$jar:$work" Pressure <"$work/input" >"$work/server" 2>"$work/log") &
servers+=($!)
exec 3>"$work/input"
await() {
    until grep -q "$1" "$2"; do sleep 0.1; done
}
await Listening "$work/server"
port=$(sed -n 's/.*:\([0-9]*\)\/$/\1/p' "$work/server")
for i in 1 2 3; do wrk -t 1 -c 64 -d 2s "http://127.0.0.1:$port/" >/dev/null; done
(ulimit -n 20000; exec java -XX:-MaxFDLimit -cp "$work" Clients hold "$port" "$count" >"$work/holder") &
holder=$!
servers+=($holder)
await ready "$work/holder"

echo level >&3
await '^done' "$work/server"
verdict "level seen after, latest of 10 rises and 10 falls" "$(awk '/^level/ {print $2}' "$work/server" | sort -g | tail -1)" '<=' 150 ms

java -cp "$work" Clients visit "$port" 12 >"$work/visits" &
visitors=$!
sleep 8
echo evict >&3
wait $visitors
await '^evicted' "$work/server"
read -r _ begin end < <(grep ^evicted "$work/server")
second=1000000000
# p99 FROM TO prints that of the visits in a time
p99() {
    awk -v from="$1" -v to="$2" '$1 >= from && $1 < to {print $2}' "$work/visits" | sort -g | awk '{v[NR] = $1} END {print v[int(NR * 0.99)]}'
}
calm=$(p99 $((begin - 4 * second)) "$begin")
pressed=$(p99 "$begin" $((end > begin + second ? end : begin + second)))
echo "visitors' p99: calm $calm us, during the eviction $pressed us; failed: $(grep -c failed "$work/visits")"
verdict "$count idle connections evicted and closed in" "$(((end - begin) / 1000000))" '<=' 2000 ms
verdict "visitors' p99 meanwhile, times that of calm" "$(awk "BEGIN {printf \"%.2f\", $pressed / $calm}")" '<=' 2
