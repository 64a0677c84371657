#!/usr/bin/env bash
# Storms on the connector and on what people use instead; prints a table in Markdown.
# Usage: it-tests/peers/run.sh [--once] [--storm KIND]... [PEER]...
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v nginx > /dev/null || missing+=(nginx)
command -v haproxy > /dev/null || missing+=(haproxy)
/usr/bin/python3 -c 'import gevent' 2> /dev/null || missing+=(python3-gevent)
((${#missing[@]} == 0)) || apt-get install -y --no-install-recommends "${missing[@]}" >&2

mvn -q package -pl it-tests -am -Ppeers -DskipTests >&2
exec java -cp "it-tests/target/test-classes:$(< it-tests/target/peers.classpath)" org.strictkeepalive.it.Peers "$@"
