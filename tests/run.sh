#!/usr/bin/env bash
# Runs every test. Needs Rust; installs the rest on a fresh Debian when it runs as root.
set -euo pipefail
cd "$(dirname "$0")/.."

# need REASON PACKAGES COMMAND...: one of the commands must be there.
need() {
    local reason=$1 packages=$2
    shift 2
    for command in "$@"; do
        if command -v "$command" >/dev/null; then
            return
        fi
    done
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "tests/run.sh: $1 is needed ($reason); please install it (Debian: $packages)" >&2
        exit 1
    fi
    apt-get update -q
    # The run level keeps a package from starting a server of its own. $packages is a list.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -yq --no-install-recommends $packages
}

need "linking" "gcc libc6-dev" cc
need "a real Prometheus reads the metrics" prometheus prometheus
need "alerts are tested" prometheus promtool
need "the admin page is tested in a real browser" chromium chromium chromium-browser google-chrome

# With `test-util` all layers are on tokio's clock, so that tests can pause it.
cargo test --features full,test-util

# What needs no paused time, once more: built as users get it, on the production clock.
cargo test --features full --test it
