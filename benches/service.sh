#!/usr/bin/env bash
# What `server_stack` costs a small axum service under load, as a table. Needs wrk. The service without and with it take
# turns, so that what else the machine does meets both.
#
#   benches/service.sh [ROUNDS [SECONDS]]     prints; 7 rounds of 5 s each
#   benches/service.sh --update [..]          writes docs/service.md
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/need.sh
need "linking" "gcc libc6-dev" cc
need "it makes the load" wrk wrk

work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null && wait || true; rm -r "$work"' EXIT
table=
if [ "${1:-}" = --update ]; then
    table=$work/service.md
    exec >"$table"
    shift
fi
rounds=${1:-7}
seconds=${2:-5}
connections=32

server=$(cargo build --profile bench --example service --message-format=json |
    sed -n 's/.*"name":"service".*"executable":"\([^"]*\)".*/\1/p')

for variant in without with; do
    "$server" "$variant" >"$work/$variant.url" &
    servers+=($!)
    echo $! >"$work/$variant.pid"
    until [ -s "$work/$variant.url" ]; do
        kill -0 $!
        sleep 0.1
    done
done

# The processor time of a server so far, in microseconds.
processor() {
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000000 / tick }' "/proc/$1/stat"
}

# load VARIANT SECONDS: requests per second, p99 in microseconds, processor time per request in microseconds.
load() {
    local pid before after
    pid=$(cat "$work/$1.pid")
    before=$(processor "$pid")
    wrk -t1 -c"$connections" -d"$2s" -s benches/service/wrk.lua "$(cat "$work/$1.url")" >"$work/wrk"
    after=$(processor "$pid")
    awk -v variant="$1" -v used="$((after - before))" '
        $1 == "figures" && $2 > 0 && $5 == 0 { print variant, $2 * 1e6 / $3, $4, used / $2; fine = 1 }
        END { if (!fine) { print "error: requests failed" > "/dev/stderr"; exit 1 } }
    ' "$work/wrk"
}

for variant in without with; do
    load "$variant" 1 >/dev/null
done
for ((round = 1; round <= rounds; round++)); do
    # Who is first takes turns, too.
    if ((round % 2)); then order="without with"; else order="with without"; fi
    for variant in $order; do
        figures=$(load "$variant" "$seconds")
        echo "$round $figures" >>"$work/figures"
    done
done

echo "$rounds rounds of $seconds s each way, in turn; $connections connections; wrk and the service share $(nproc)"
echo "processors ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)). Medians, and from the least to the most."
echo
awk -f benches/service/table.awk "$work/figures"

# Only a whole table takes the place of the old one.
[ -z "$table" ] || cp "$table" docs/service.md
