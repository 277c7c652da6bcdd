#!/usr/bin/env bash
# Counts the instructions of one call through each layer, and compares them with the record: `instructions.txt`. Unlike
# time, they do not depend on how busy the machine is.
#
#   benches/instructions.sh                   compares
#   benches/instructions.sh --update          writes the record anew
#   benches/instructions.sh --profile CASE    tells where the instructions of one case are spent
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/need.sh
need "instructions are counted" "valgrind libc6-dbg" valgrind
record=benches/instructions.txt
few=1000
many=3000

binary=$(cargo build --profile bench --package instructions --message-format=json |
    sed -n 's/.*"name":"instructions".*"executable":"\([^"]*\)".*/\1/p')

# run FILE CASE CALLS: with an empty environment, whose size moves the stack.
run() {
    env -i "$(command -v valgrind)" --tool=callgrind --toggle-collect='*::counted*' \
        --callgrind-out-file="$1" "$binary" "$2" "$3" 2>&1
}

count() {
    run /dev/null "$1" "$2" | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

if [ "${1:-}" = --profile ]; then
    profile=$(mktemp)
    trap 'rm -f "$profile"' EXIT
    run "$profile" "$2" 100000 >/dev/null
    callgrind_annotate "$profile" | sed -n '1,60p'
    exit
fi

measured=$(mktemp)
trap 'rm -f "$measured"' EXIT
# A compiler makes its own instructions: counts are compared with those of the same one.
rustc -vV | sed -n 's/^\(host\|release\): /# &/p' >"$measured"
"$binary" | while read -r case; do
    echo "$case $((($(count "$case" "$many") - $(count "$case" "$few")) / (many - few)))"
done >>"$measured"

if [ "${1:-}" = --update ]; then
    cp "$measured" "$record"
    cat "$record"
    exit
fi

if ! diff <(grep '^#' "$record") <(grep '^#' "$measured") >&2; then
    echo "warning: no verdict on instructions: the record is of another compiler or machine" >&2
    exit
fi

# Off by over 5 %, and by more than two instructions, to either side: a regression, or a record that is out of date.
awk '
    /^#/ { next }
    NR == FNR { recorded[$1] = $2; next }
    {
        off = $2 - recorded[$1]
        size = off < 0 ? -off : off
        bad = !($1 in recorded) || (size > 2 && size * 20 > recorded[$1])
        printf "%-28s %6d, recorded %6d%s\n", $1, $2, recorded[$1], bad ? "  <--" : ""
        failed += bad
        delete recorded[$1]
    }
    END {
        for (gone in recorded) { print gone " is recorded, and no longer a case  <--"; failed++ }
        exit failed > 0
    }
' "$record" "$measured"
