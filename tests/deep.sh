#!/usr/bin/env bash
# All that proves more than `tests/run.sh` has time for: hours. Ends with a table of what each part did, and fails if one
# failed or did nothing.
#
#   tests/deep.sh [--small] [PART...]    all parts, or these; --small: as little of each as shows that it runs
#   tests/deep.sh --list
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/need.sh
. tests/algorithms.sh

# part NAME GOAL SMALL_GOAL: each has a function `run_NAME COUNT`; a goal begins with the count. And a function
# `seen_NAME` that reads what it did from its output, with nothing to tell if that does not say.
names=() goals=() smalls=()
part() {
    names+=("$1") goals+=("$2") smalls+=("$3")
}

part loom "5 preemptions, up to 2,000,000 executions each" "budget models only"
run_loom() {
    if [ "$1" = budget ]; then tests/loom.sh "$1"; else tests/loom.sh --deep; fi
}
seen_loom() {
    awk '{ for (i = 2; i <= NF; i++) if ($i == "executions") executions += $(i - 1) }
        / models, / { models = $1 }
        END { if (models) printf "%d models, %d executions", models, executions }'
}

part histories "100000 random histories of each engine, equal to its model" "20 histories"
run_histories() {
    PROPTEST_CASES=$1 cargo test --release --features stack,test-util --test models -- --skip liveness
    echo "histories: $1"
}
seen_histories() {
    awk '/^test .* ok$/ { tests++ }
        /^histories: / { cases = $2 }
        END { if (tests && cases) printf "%d tests of %d histories each", tests, cases }'
}

part liveness "1000000 random histories, and a healthy service is served again" "20 histories"
run_liveness() {
    PROPTEST_CASES=$1 cargo test --release --features stack,test-util --test models liveness
    # Of the breaker alone, with any settings.
    PROPTEST_CASES=$1 test_algorithms liveness
    echo "histories: $1"
}
seen_liveness() {
    # One run does not stand for the other, which may have found no test of this name.
    awk '/^test result: ok\. [1-9]/ { runs++; tests += $4 }
        /^histories: / { cases = $2 }
        END { if (runs == 2 && cases) printf "%d tests of %d histories each", tests, cases }'
}

part orders "all ordered pairs and triples of layers and modes end quiescent" "the usual ones"
run_orders() {
    [ "$1" != all ] || export BUTTRESS_DEEP=1
    cargo test --release --features full,test-util --test orders -- --nocapture
}
seen_orders() {
    # Where tests run one by one, the name of the test stands before it.
    awk '{ for (i = 2; i <= NF; i++) if ($i == "orders,") { orders += $(i - 1); calls += $(i + 1) } }
        END { if (orders) printf "%d orders, %d calls", orders, calls }'
}

part soak "100000000 calls with drops and panics, nothing leaked" "100000 calls"
run_soak() {
    tests/soak.sh "$1"
}
seen_soak() {
    awk '/ bytes of heap/ { calls = $1; heap = $5; if (!first) first = heap }
        END { if (calls) printf "%d calls, heap %d, then %d bytes", calls, first, heap }'
}

part settings "10000000 settings, each refused by name or working" "10000 settings"
run_settings() {
    tests/fuzz.sh --runs "$1" settings
}
seen_settings() {
    awk '/number_of_executed_units/ { runs += $2; all = all sep $2; sep = " + " }
        /average_exec_per_sec/ { speed = speed between $2; between = ", " }
        END { if (runs) printf "%s inputs, %s per second", all, speed }'
}

part inputs "3600 seconds of headers, and of operations" "10 seconds"
run_inputs() {
    tests/fuzz.sh "$1" headers operations
}
seen_inputs() { seen_settings; }

part repeats "500 runs of the suite, twice as many at once as processors" "2 runs"
run_repeats() {
    need "a real Prometheus reads the metrics" prometheus prometheus
    need "alerts are tested" prometheus promtool
    # Apart and optimised, with all checks on: it is run often enough.
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/repeats CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0
    cargo test --features full,test-util --lib --test it --test process --no-run
    export -f repeat
    # Those that run at once are each other's load.
    seq "$1" | xargs -P $((2 * $(nproc))) -I{} bash -c "repeat {} $1 || exit 255"
}
repeat() {
    local out
    out=$(cargo test --quiet --features full,test-util --lib --test it --test process 2>&1) || {
        printf '%s\n' "$out"
        return 1
    }
    # One that says nothing has tested nothing.
    out=$(grep '^test result: ok' <<<"$out") && printf '== run %s of %s\n%s\n' "$1" "$2" "$out"
}
seen_repeats() {
    awk '/^== run / { runs++ }
        /^test result: ok/ { tests += $4 }
        END { if (tests) printf "%d runs, %d tests", runs, tests }'
}

part mutants "95 % killed or better, none unlisted survives" "1 group of 5"
run_mutants() {
    if [ "$1" = 1 ]; then tests/mutants.sh permits; else tests/mutants.sh; fi
}
seen_mutants() {
    # Those that never end are noticed as well.
    awk '/^group / { table = 1; next }
        table && NF == 7 { killed += $3 + $4; all += $3 + $4 + $5 }
        END { if (all) printf "%d of %d killed, %.1f %%", killed, all, 100 * killed / all }'
}

part coverage "all lines of src/algo" "all"
run_coverage() {
    tests/coverage.sh
}
seen_coverage() {
    awk '/ lines of src\/algo$/ { printf "%d of %d lines", $1, $3 }'
}

small=
chosen=()
for argument in "$@"; do
    case $argument in
        --list)
            for i in "${!names[@]}"; do
                printf '%-10s %s\n' "${names[i]}" "${goals[i]}"
            done
            exit
            ;;
        --small) small=1 ;;
        *)
            [[ " ${names[*]} " = *" $argument "* ]] || { echo "$0: no part $argument; see --list" >&2; exit 2; }
            chosen+=("$argument")
            ;;
    esac
done
need "linking" "gcc libc6-dev" cc

[ ${#chosen[@]} -gt 0 ] || chosen=("${names[@]}")

logs=${CARGO_TARGET_DIR:-$PWD/target}/deep
mkdir -p "$logs"
failed=0 part=
trap '[ -z "$part" ] || kill -- "-$part" 2>/dev/null || true; exit 130' INT TERM HUP
row='%-10s %-62s %-7s %8s  %s'
# shellcheck disable=SC2059
table=$(printf "$row" part goal result seconds seen)
for i in "${!names[@]}"; do
    name=${names[i]}
    [[ " ${chosen[*]} " = *" $name "* ]] || continue
    goal=${goals[i]}
    [ -z "$small" ] || goal=${smalls[i]}
    echo "== $name: $goal ($logs/$name.log)"
    begin=$SECONDS result=passed
    # In a shell of its own, so that the first command that fails ends the part.
    # In a group of its own, so that all of it ends with this script.
    set -m
    (set -e; "run_$name" "${goal%% *}") >"$logs/$name.log" 2>&1 &
    part=$!
    set +m
    wait "$part" || result=FAILED
    seen=$("seen_$name" <"$logs/$name.log")
    # A part that does not tell what it did may have done nothing.
    [ -n "$seen" ] || result=FAILED
    [ "$result" = passed ] || { failed=1; tail -n 20 "$logs/$name.log"; }
    # shellcheck disable=SC2059
    table+=$'\n'$(printf "$row" "$name" "$goal" "$result" $((SECONDS - begin)) "${seen:-nothing}")
done
printf '\n%s\n' "$table"
exit "$failed"
