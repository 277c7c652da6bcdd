#!/usr/bin/env bash
# Runs every test. Needs Rust; installs the rest on a fresh Debian when it runs as root.
set -euo pipefail
cd "$(dirname "$0")/.."

# Linking needs a C toolchain.
if ! command -v cc >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q
        apt-get install -yq --no-install-recommends gcc libc6-dev
    else
        echo "tests/run.sh: a C compiler (cc) is needed for linking; please install one" >&2
        exit 1
    fi
fi

# The metrics are read by a real Prometheus, and the alerts are tested by its promtool.
if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q
        # The run level keeps the package from starting a server of its own.
        RUNLEVEL=1 apt-get install -yq --no-install-recommends prometheus
    else
        echo "tests/run.sh: prometheus and promtool are needed; please install Debian's package prometheus" >&2
        exit 1
    fi
fi

# With `test-util` all layers are on tokio's clock, so that tests can pause it.
cargo test --features full,test-util

# What needs no paused time, once more: built as users get it, on the production clock.
cargo test --features full --test it
