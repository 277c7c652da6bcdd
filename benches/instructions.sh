#!/usr/bin/env bash
# Counts the instructions of one call through each layer, and compares them with the record. Unlike time, they do not
# depend on how busy the machine is. With --update, writes the record anew.
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

# More by over 5 % (and by more than 2, for the smallest) is a regression; less by as much wants a new record.
join "$record" <(sort "$measured") 2>/dev/null
