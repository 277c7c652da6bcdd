#!/usr/bin/env bash
# Counts the instructions of one call through each layer, and compares them with the record: `instructions.txt`. Unlike
# time, they do not depend on how busy the machine is. With --update, writes the record anew. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
record=benches/instructions.txt
few=1000
many=3000

binary=$(cargo bench --no-run --bench instructions --message-format=json 2>/dev/null |
    sed -n 's/.*"name":"instructions".*"executable":"\([^"]*\)".*/\1/p' | tail -1)

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

measured=$(mktemp)
trap 'rm -f "$measured"' EXIT
"$binary" | while read -r case; do
    echo "$case $((($(count "$case" "$many") - $(count "$case" "$few")) / (many - few)))"
done >"$measured"

if [ "${1:-}" = --update ]; then
    cp "$measured" "$record"
    cat "$record"
    exit
fi

# Off by over 5 %, and by more than two instructions, to either side: a regression, or a record that is out of date.
awk '
    NR == FNR { recorded[$1] = $2; next }
    {
        off = $2 - recorded[$1]
        size = off < 0 ? -off : off
        bad = !($1 in recorded) || (size > 2 && size * 20 > recorded[$1])
        printf "%-20s %6d, recorded %6d%s\n", $1, $2, recorded[$1], bad ? "  <--" : ""
        failed += bad
    }
    END { exit failed > 0 }
' "$record" "$measured"
