#!/usr/bin/env bash
# Model-checks every concurrent shell: see `tests/loom/src/main.rs`.
#
#   tests/loom.sh [WORD]           as CI does: those whose name contains the word
#   tests/loom.sh --list           a table of them: `docs/interleavings.md`
#   tests/loom.sh --deep [WORD]    three threads with 5 preemptions, up to 2,000,000 executions or 20 minutes for each
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh
need "linking" "gcc libc6-dev" cc

exec cargo run --quiet --profile interleavings --package interleavings -- "$@"
