#!/usr/bin/env bash
# Runs every test. Needs Rust; installs the rest on a fresh Debian when it runs as root.
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh

need "linking" "gcc libc6-dev" cc
need "a real Prometheus reads the metrics" prometheus prometheus
need "alerts are tested" prometheus promtool
need "the admin page is tested in a real browser" chromium chromium chromium-browser google-chrome

# The same random histories in each run, so that a failure is the change's; `tests/deep.sh` draws others.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED-1}

# With `test-util` all layers are on tokio's clock, so that tests can pause it.
cargo test --package buttress --package storm --package ui --features buttress/full,buttress/test-util

# What needs no paused time, once more: built as users get it, on the production clock.
cargo test --features full --test it

# Engines under clients that have a trait of their own, and around the consumer of a queue.
cargo test --package beyond-tower

# Every interleaving of what threads share.
tests/loom.sh

# Ten million calls on several threads.
tests/soak.sh
