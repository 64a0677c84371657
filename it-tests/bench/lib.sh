# What the scripts share. They need Linux, a JDK, and the built examples: mvn -q package -DskipTests
cd "$(dirname "$0")"
jar=../../examples/target/strict-keepalive-examples.jar
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

echo "# $(basename "$0") $*: $(date -u +%F), $(nproc) cores, Linux $(uname -r), JDK $(java -XshowSettings:properties -version 2>&1 | awk '/java.version =/ {print $3}'), load $(cut -d' ' -f1 /proc/loadavg)"

# serve NAME FLAG... starts a server under the limit of descriptors that $limit says; its address is in $url, its process in $pid
serve() {
    local log=$work/$1.log
    : >"$log"
    (ulimit -n "${limit:-20000}"; exec $prefix java -XX:-MaxFDLimit $java_flags -jar $jar serve --port 0 "${@:2}" >"$log" 2>&1) &
    pid=$!
    servers+=("$pid")
    until url=$(sed -n 's/^Listening on //p' "$log") && [ -n "$url" ]; do
        kill -0 "$pid" || { cat "$log"; exit 1; }
        sleep 0.1
    done
}

stop() {
    kill "$1"
    wait "$1" 2>/dev/null || true
}

median() {
    sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

# verdict FIGURE MEASURED (<=|>=) ASKED [UNIT]
verdict() {
    awk -v figure="$1" -v measured="$2" -v operator="$3" -v asked="$4" -v unit="$5" 'BEGIN {
        holds = operator == "<=" ? measured + 0 <= asked + 0 : measured + 0 >= asked + 0
        printf "%-58s %s %-7s measured %-9s %-6s %s\n", figure, operator, asked, measured, unit, holds ? "holds" : "FALLS SHORT"
    }'
}
