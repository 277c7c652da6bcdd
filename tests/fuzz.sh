#!/usr/bin/env bash
# Looks for settings, headers and operations that break something, on the nightly toolchain: each target for so many
# seconds, or for so many runs. The integration tests replay tests/corpus.
#
#   tests/fuzz.sh [--runs N] [SECONDS] [TARGET...]    60 seconds, all targets
#   tests/fuzz.sh --keep [TARGET...]                  makes a new corpus of all that was found: few files, all branches
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh

need "linking, and building libFuzzer" "g++ libc6-dev" c++
need_toolchain "only it knows how to tell which branches an input reached" nightly
need_cargo cargo-fuzz

runs=0 keep=
if [ "${1-}" = --keep ]; then
    keep=1
    shift
fi
if [ "${1-}" = --runs ]; then
    runs=$2
    shift 2
fi
seconds=$([ "$runs" = 0 ] && echo 60 || echo 0)
if [[ ${1-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(settings headers operations)

# No sanitizer: there is no unsafe code here, and without one there are many more runs.
fuzz() {
    local command=$1
    shift
    cargo +nightly fuzz "$command" --sanitizer none "$@"
}

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
# What has been found on the way here, and is too much for the repository.
found=$CARGO_TARGET_DIR/found
fuzz build
for target in "${targets[@]}"; do
    mkdir -p "$found/$target"
    echo "== $target"
    if [ -n "$keep" ]; then
        fewest=$(mktemp -d)
        fuzz run "$target" "$fewest" "$found/$target" "tests/corpus/$target" -- \
            -set_cover_merge=1 -use_counters=0 -max_len=1024
        # Those that were given a name broke something once.
        find "tests/corpus/$target" -type f -regextype egrep -regex '.*/[0-9a-f]{40}' -delete
        cp "$fewest"/* "tests/corpus/$target/"
        continue
    fi
    log=$CARGO_TARGET_DIR/$target.log
    fuzz run "$target" "$found/$target" "tests/corpus/$target" -- -max_len=1024 \
        -max_total_time="$seconds" -runs="$([ "$runs" = 0 ] && echo -1 || echo "$runs")" -print_final_stats=1 \
        >"$log" 2>&1 || { tail -n 60 "$log"; exit 1; }
    grep -E '^(Done|stat::(number_of_executed_units|average_exec_per_sec))' "$log"
done
