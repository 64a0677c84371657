#!/usr/bin/env bash
# memory.sh: what memory connections hold, of the server's heap and of the kernel's buffers. COUNT (1000) of each kind.
set -e
. "$(dirname "$0")/lib.sh"
count=${COUNT:-1000}
javac -d "$work" Crowd.java

heap() {
    jcmd "$pid" GC.class_histogram | awk '/^Total/ {print $3}'
}
# The kernel's buffers of all TCP sockets of the machine, the clients' too, in bytes
kernel() {
    awk '/^TCP:/ {print $11 * 4096}' /proc/net/sockstat
}
# crowd WHAT (clear|tls) REQUEST
crowd() {
    serve "$2" $([ "$2" = tls ] && echo --tls) --idle-timeout 10m --keep-alive-timeout 10m
    port=${url%/}; port=${port##*:}
    rm -f "$work/input"; mkfifo "$work/input"
    for round in warm measured; do
        local heap=$(heap) kernel=$(kernel)
        (ulimit -n 20000; exec java -XX:-MaxFDLimit -cp "$work" Crowd "$port" "$count" "$2" "$3" <"$work/input" >"$work/crowd") &
        local clients=$!
        exec 3>"$work/input"
        until grep -q ready "$work/crowd"; do kill -0 $clients; sleep 0.1; done
        [ $round = warm ] || printf '%-44s heap %6d bytes, kernel %8d bytes a connection\n' "$1" \
            $((($(heap) - heap) / count)) $((($(kernel) - kernel) / count))
        exec 3>&-
        wait $clients
        sleep 1
    done
    stop "$pid"
}

get='GET / HTTP/1.1|Host: bench||'
post='POST /echo HTTP/1.1|Host: bench|Content-Length: 1000000||abc'
big='GET /big?mib=64 HTTP/1.1|Host: bench||'
crowd "idle" clear "$get"
crowd "idle, TLS" tls "$get"
crowd "a body of which nothing more comes" clear "$post"
crowd "a body of which nothing more comes, TLS" tls "$post"
count=$((count < 200 ? count : 200))
crowd "an answer that nobody takes" clear "$big"
crowd "an answer that nobody takes, TLS" tls "$big"
