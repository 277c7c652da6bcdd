#!/usr/bin/env bash
# Millions of calls through a stack of every kind of layer on several threads, with drops, panics and concurrent control: nothing may be
# lost. tests/soak.sh [CALLS [SEED]]; by default 10,000,000.
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh
need "linking" "gcc libc6-dev" cc

cargo run --release --package soak -- "$@"
