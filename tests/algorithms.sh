# Sourced by scripts that build the algorithms alone, which takes seconds.

# algorithms DIRECTORY: makes a package of them there.
algorithms() {
    mkdir -p "$1"
    rm -rf "$1/src"
    mkdir "$1/src"
    cp -r src/algo src/{cases,error,held,mode,rng,spread,stripe,units}.rs tests/algorithms/{lib,sync}.rs "$1/src/"
    # Models have tests of their own.
    find "$1/src" -name 'loom*' -prune -exec rm -r {} +
    cp src/sync.rs "$1/src/shipped_sync.rs"
    cp tests/algorithms/Cargo.toml Cargo.lock "$1/"
}

# test_algorithms ARGUMENT...: their tests, built with all optimizations.
test_algorithms() {
    local target=${CARGO_TARGET_DIR:-$PWD/target}/algorithms
    algorithms "$target/package"
    CARGO_TARGET_DIR=$target/target cargo test --release --manifest-path "$target/package/Cargo.toml" --lib -- "$@"
}
