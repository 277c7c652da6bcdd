#!/usr/bin/env bash
# Changes the algorithms in every small way that cargo-mutants knows, and fails if the tests beside them let one pass.
# What is left out, and why, stands in tests/algorithms/mutants.toml.
#
#   tests/mutants.sh [--again] [GROUP...]    --again: without those that were killed the last time
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh
. tests/algorithms.sh

need "linking" "gcc libc6-dev" cc
need_cargo cargo-mutants

# Each with the one feature that it needs: what is not built takes no time, a thousand times over.
groups=(breaker permits rates retries threads)
declare -A features=([breaker]=circuit-breaker [permits]=bulkhead [rates]=rate-limit [retries]=retry [threads]=circuit-breaker,bulkhead,http)
declare -A files=(
    [breaker]='src/algo/breaker/**/*.rs src/algo/window/*.rs'
    [permits]='src/algo/permits/*.rs src/algo/queue.rs'
    [rates]='src/algo/gcra/*.rs src/algo/keyed.rs'
    [retries]='src/algo/backoff.rs src/algo/budget.rs src/algo/budget/*.rs'
    [threads]='src/algo/counter.rs src/stripe.rs src/spread.rs src/held.rs src/algo/histogram.rs src/algo/histogram/*.rs'
)

again=()
if [ "${1-}" = --again ]; then
    again=(--iterate)
    shift
fi
[ $# -eq 0 ] || groups=("$@")

target=${CARGO_TARGET_DIR:-$PWD/target}/mutants
# cargo-mutants catches Ctrl-C and ends as if it had failed by itself: without this the next group would begin.
trap 'exit 130' INT
failed=0
table=$(printf '%-8s %7s %7s %9s %9s %9s %8s' group mutants killed endless survived unviable seconds)
for group in "${groups[@]}"; do
    # Changed in place, so that all but the change is built already.
    package=$target/package
    algorithms "$package"
    set -f
    # The patterns are for cargo-mutants.
    # shellcheck disable=SC2086
    arguments=($(printf -- '--file %s ' ${files[$group]}))
    set +f
    begin=$SECONDS code=0
    # What takes thousands of random cases to be found is found by the tests that are not random, or is reported.
    PROPTEST_CASES=200 CARGO_TARGET_DIR=$target/target CARGO_INCREMENTAL=1 cargo mutants --dir "$package" --in-place --no-shuffle \
        --config tests/algorithms/mutants.toml --colors never --output "$target/$group" "${again[@]}" \
        --cargo-arg=--no-default-features --cargo-arg="--features=${features[$group]}" "${arguments[@]}" || code=$?
    # 2: some survived. 3: the tests did not get to the end of some, which hides the 2.
    case $code in 0 | 2 | 3) ;; *) failed=1 ;; esac
    count() { wc -l <"$target/$group/mutants.out/$1.txt"; }
    killed=$(count caught) endless=$(count timeout) survived=$(count missed) unviable=$(count unviable)
    [ "$survived" = 0 ] || failed=1
    mutants=$((killed + endless + survived + unviable))
    # Only when the killed ones are left out may there be none.
    if [ "$mutants" = 0 ] && [ ${#again[@]} = 0 ]; then
        echo "$0: no mutants in $group: ${files[$group]}" >&2
        failed=1
    fi
    table+=$'\n'$(printf '%-8s %7d %7d %9d %9d %9d %8d' "$group" "$mutants" \
        "$killed" "$endless" "$survived" "$unviable" $((SECONDS - begin)))
done
printf '\n%s\n' "$table"
exit "$failed"
