#!/usr/bin/env bash
# Runs the tests beside the algorithms, tells how much of each file they reach, and fails if a line is left.
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh
. tests/algorithms.sh

# The tools have to know what the compiler writes.
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
need "linking" "gcc libc6-dev" cc
need_cargo cargo-llvm-cov
# Of the system, or of rustup, where cargo-llvm-cov finds them by itself.
if command -v "llvm-cov-$llvm" >/dev/null || ! rustup component add llvm-tools; then
    need "reading what was reached" "llvm-$llvm" "llvm-cov-$llvm"
    LLVM_COV=$(command -v "llvm-cov-$llvm")
    LLVM_PROFDATA=$(command -v "llvm-profdata-$llvm")
    export LLVM_COV LLVM_PROFDATA
fi

target=${CARGO_TARGET_DIR:-$PWD/target}/coverage
package=$target/package
algorithms "$package"
CARGO_TARGET_DIR=$target/target cargo llvm-cov --manifest-path "$package/Cargo.toml" --lib \
    --lcov --output-path "$target/lines" -- --quiet

# Of each file the lines before its tests.
awk -F '[:,]' '
    function tell() {
        if (lines) printf "%6d of %4d  %s\n", reached, lines, name
        all += lines; all_reached += reached
        lines = reached = 0
    }
    /^SF:/ {
        tell()
        path = $2; name = path; sub(/.*\/src\//, "src/", name)
        skipped = name !~ /^src\/algo\// || name ~ /\/tests(\/|\.rs)/
        end = 0
        delete text
        while ((getline line < path) > 0) {
            if (line == "mod tests {") break
            text[++end] = line
        }
        close(path)
    }
    /^DA:/ && !skipped && $2 <= end {
        lines++
        if ($3 > 0) reached++
        else missed[++misses] = sprintf("%s:%d: %s", name, $2, text[$2])
    }
    END {
        tell()
        printf "%6d of %4d  lines of src/algo\n", all_reached, all
        for (i = 1; i <= misses; i++) print "not reached: " missed[i]
        exit misses > 0 || all == 0
    }
' "$target/lines"
