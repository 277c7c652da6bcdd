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
need "linking" "gcc libc6-dev" cc
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
    local said instructions
    said=$(run /dev/null "$1" "$2") || true
    instructions=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<<"$said")
    if [ -z "$instructions" ]; then
        printf 'error: no count of %s; valgrind said:\n%s\n' "$1" "$said" >&2
        return 1
    fi
    echo "$instructions"
}

# measure CASE: what one call takes.
measure() {
    local most least
    most=$(count "$1" "$many")
    least=$(count "$1" "$few")
    echo "$1 $(((most - least) / (many - few)))"
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
# A compiler makes its own instructions, a C library brings its own, and valgrind chooses among those for the processor it
# shows: counts are compared with those of the same three.
{
    rustc -vV | sed -n 's/^\(host\|release\): /# &/p'
    echo "# $(valgrind --version)"
    echo "# libc: $(ldd --version 2>&1 | sed -n 1p)"
    # Engines are made with cells for so many threads.
    echo "# processors: $(nproc)"
} >"$measured"
"$binary" | while read -r case; do
    measure "$case"
done >>"$measured"

if [ "${1:-}" = --update ]; then
    cp "$measured" "$record"
    cat "$record"
    exit
fi

if ! diff <(grep '^#' "$record") <(grep '^#' "$measured") >&2; then
    echo "warning: no verdict on instructions: the record is of another compiler, library, valgrind or machine" >&2
    exit
fi

# Off by over 5 %, and by more than two instructions, to either side: a regression, or a record that is out of date.
awk '
    /^#/ { next }
    NR == FNR { recorded[$1] = $2; next }
    {
        if (!($1 in recorded)) {
            printf "%-28s %6d, not recorded  <--\n", $1, $2
            failed++
            next
        }
        off = $2 - recorded[$1]
        size = off < 0 ? -off : off
        bad = size > 2 && size * 20 > recorded[$1]
        printf "%-28s %6d, recorded %6d%s\n", $1, $2, recorded[$1], bad ? "  <--" : ""
        failed += bad
        delete recorded[$1]
    }
    END {
        for (gone in recorded) { print gone " is recorded, and no longer a case  <--"; failed++ }
        exit failed > 0
    }
' "$record" "$measured"
