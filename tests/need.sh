# Sourced by scripts that need more than Rust.

# need REASON PACKAGES COMMAND...: one of the commands must be there. Installs them on Debian when it runs as root.
need() {
    local reason=$1 packages=$2
    shift 2
    for command in "$@"; do
        if command -v "$command" >/dev/null; then
            return
        fi
    done
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$0: $1 is needed ($reason); please install it (Debian: $packages)" >&2
        exit 1
    fi
    apt-get update -q
    # The run level keeps a package from starting a server of its own. $packages is a list.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -yq --no-install-recommends $packages
}

# need_cargo PACKAGE...: cargo's own way to install commands.
need_cargo() {
    for package in "$@"; do
        if ! command -v "$package" >/dev/null && ! cargo install --locked "$package"; then
            echo "$0: $package is needed, and could not be installed; please do: cargo install --locked $package" >&2
            exit 1
        fi
    done
}

# need_toolchain REASON TOOLCHAIN: beside the one in use. rustup installs it.
need_toolchain() {
    local reason=$1 toolchain=$2
    if cargo "+$toolchain" --version >/dev/null 2>&1; then
        return
    fi
    if ! command -v rustup >/dev/null || ! rustup toolchain install --profile minimal "$toolchain"; then
        echo "$0: Rust's $toolchain toolchain is needed ($reason), and could not be installed;" \
            "please do: rustup toolchain install $toolchain" >&2
        exit 1
    fi
}
