//! Each metric once. What else tells of them, docs included, is made from this or checked against it.

use super::descriptor::{Descriptor, Kind, Unit};

const PROCESS: &[&str] = &[];
const STACK: &[&str] = &["stack", "owner", "runbook"];
const ENGINE: &[&str] = &["stack", "layer", "name"];
const REASON: &[&str] = &["stack", "layer", "name", "reason"];
const OUTCOME: &[&str] = &["stack", "layer", "name", "outcome"];
const STATE: &[&str] = &["stack", "layer", "name", "state"];
const CONTROL: &[&str] = &["stack", "layer", "name", "control"];
const MODE: &[&str] = &["stack", "layer", "name", "mode"];
const PROCESS_MODE: &[&str] = &["mode"];

/// Statics and not constants: a metric is known by its address.
macro_rules! table {
    ($($id:ident = $kind:ident $name:literal, $labels:ident, $unit:ident, $help:literal;)*) => {
        $(pub(super) static $id: Descriptor = Descriptor {
            name: concat!("buttress_", $name),
            kind: Kind::$kind,
            unit: Unit::$unit,
            help: $help,
            labels: $labels,
        };)*

        /// All of them, in the order in which they are exported.
        pub(super) static ALL: &[&Descriptor] = &[$(&$id),*];
    };
}

table! {
    ENGINES = Gauge "engines", PROCESS, Engines, "Engines that are alive and shown.";
    DUPLICATES = Gauge "duplicate_engines", PROCESS, Engines,
        "Engines that were the same as another one by stack, layer and name, and got a number.";
    UNLISTED = Gauge "unlisted_engines", PROCESS, Engines, "Engines beyond the 4,096 that are shown.";
    PROCESS_MODES = Gauge "process_mode", PROCESS_MODE, Flag, "The process-wide mode: 1 for the one in force.";
    STACK_INFO = Gauge "stack_info", STACK, Flag,
        "Always 1: who looks after a stack, and where it says what to do. To be joined by stack.";

    MODES = Gauge "mode", MODE, Flag, "How far decisions are carried out: 1 for the mode in force.";
    OVERRIDE = Gauge "override", ENGINE, Flag, "Whether the mode of this engine is set by hand.";
    OVERRIDE_REMAINING = Gauge "override_remaining_seconds", ENGINE, Seconds,
        "Until a mode set by hand ends by itself; +Inf if it does not. Only there while one is set.";
    FINGERPRINT = Gauge "settings_fingerprint", ENGINE, Opaque,
        "Stands for all settings of the engine: where it differs, they differ. Modes set by hand do not count.";
    SATURATION = Gauge "saturation", ENGINE, Ratio,
        "Demand over limit, above 1 if there was more to do than is let in. For autoscalers.";

    CALLS = Counter "calls_total", ENGINE, Calls, "Calls that came in.";
    ADMITTED = Counter "admitted_total", ENGINE, Calls, "Calls that were passed on.";
    REJECTED = Counter "rejected_total", REASON, Calls, "Calls that were refused, before anything was sent.";
    DRY_RUN = Counter "dry_run_total", ENGINE, Calls,
        "Calls that would have been refused, ended, repeated or replaced, but for a dry run.";
    DRY_RUN_WAITS = Counter "dry_run_waits_total", ENGINE, Calls, "Calls that would have waited, but for a dry run.";
    OUTCOMES = Counter "outcomes_total", OUTCOME, Calls,
        "How calls ended. circuit_breaker, bulkhead: all that were passed on and have ended. timeout: only those that it ended. \
         retry: only those that a repeat saved. fallback: only those for which it was asked, or would have been if that were safe.";
    LATE = Counter "late_total", ENGINE, Calls,
        "Results of calls from before the circuit changed its state. They changed nothing.";
    PANICKED = Counter "panicked_total", ENGINE, Calls, "Cancelled calls that ended in a panic.";
    CALL_DURATION = Histogram "call_duration_seconds", ENGINE, Seconds, "How long calls took that were answered.";

    IN_FLIGHT = Gauge "in_flight", ENGINE, Calls, "Calls that were passed on and have not ended yet.";
    LIMIT = Gauge "limit", ENGINE, Calls, "How many calls may be in flight at once, of each key if it is per key.";
    WAITING = Gauge "waiting", ENGINE, Calls, "Calls that wait for their turn.";
    QUEUE_LIMIT = Gauge "queue_limit", ENGINE, Calls, "How many calls may wait, of each key if it is per key; 0 without a queue.";
    ABANDONED = Counter "abandoned_total", ENGINE, Calls, "Calls that were dropped while they waited.";
    QUEUE_WAIT = Histogram "queue_wait_seconds", ENGINE, Seconds, "How long those calls waited that had to. Not there where none may.";
    QUOTA = Gauge "quota_per_second", ENGINE, CallsPerSecond, "The quota, of each key if it is per key.";
    BURST = Gauge "burst", ENGINE, Calls, "How many calls the quota lets through at once.";
    KEYS = Gauge "keys", ENGINE, Keys, "Keys in the table.";
    KEYS_LIMIT = Gauge "keys_limit", ENGINE, Keys, "The most keys that the table may hold.";
    KEYS_OVERFLOWED = Counter "keys_overflowed_total", ENGINE, Calls,
        "Calls whose key found no place in the table, admitted or not.";
    KEYS_UNLIMITED = Counter "keys_unlimited_total", ENGINE, Calls, "Calls without a key, which are not limited or guarded.";
    KEYS_FULL = Gauge "keys_full", ENGINE, Keys, "Keys of a bulkhead per key that have no room for another call.";
    KEYS_IN_STATE = Gauge "keys_in_state", STATE, Keys, "Keys of a circuit breaker per key, by the state of their circuits.";
    TIMEOUT = Gauge "timeout_seconds", ENGINE, Seconds, "How long an answer may take.";

    ATTEMPTS = Counter "attempts_total", ENGINE, Attempts, "Attempts that were sent, the first ones included.";
    RETRIES = Counter "retries_total", REASON, Attempts,
        "Attempts after the first, by the cause of what they repeated; at most eight are told apart.";
    RETRY_STOPPED = Counter "retry_stopped_total", REASON, Calls, "Failed calls that were not repeated, by why not.";
    BUDGET_TOKENS = Gauge "budget_tokens", ENGINE, Tokens, "How many repeats the budget would allow now.";
    BUDGET_CAPACITY = Gauge "budget_capacity", ENGINE, Tokens, "How many repeats the budget can save up.";
    BUDGET_WITHDRAWN = Counter "budget_withdrawn_total", ENGINE, Tokens, "Tokens that were taken.";
    BUDGET_RETURNED = Counter "budget_returned_total", ENGINE, Tokens,
        "Tokens that came back, because the repeat was not made.";
    BUDGET_REFUSED = Counter "budget_refused_total", ENGINE, Tokens, "How often there was no token.";
    FALLBACKS = Counter "fallbacks_total", REASON, Calls,
        "Calls for which the fallback was asked, by the cause; at most eight are told apart.";

    CIRCUIT_STATE = Gauge "circuit_state", STATE, Flag, "What the breaker does with calls: 1 for the state it is in.";
    CIRCUIT_CONTROL = Gauge "circuit_control", CONTROL, Flag, "Whether somebody holds the breaker by hand.";
    CIRCUIT_OPEN_REASON = Gauge "circuit_open_reason", REASON, Flag,
        "Why the breaker is open: 1 for the reason, 0 for all of them unless it is open.";
    CIRCUIT_STATE_SECONDS = Gauge "circuit_state_seconds", ENGINE, Seconds,
        "For how long the breaker has been in its state.";
    CIRCUIT_RETRY_AFTER = Gauge "circuit_retry_after_seconds", ENGINE, Seconds,
        "Until it makes sense to call again: 0 if it does now, +Inf while held open without end.";
    CIRCUIT_OPENED = Counter "circuit_opened_total", ENGINE, Events, "How often the breaker opened.";
    CIRCUIT_EPISODES = Counter "circuit_episodes_total", ENGINE, Events,
        "How often the breaker opened from closed: not again because trial calls failed.";
    CIRCUIT_RESTARTED = Counter "circuit_trials_restarted_total", ENGINE, Events,
        "How often a half-open started afresh because its trial calls hung.";
    CIRCUIT_RECORDED = Gauge "circuit_recorded", ENGINE, Calls,
        "Calls that the rates are of: those in the window, or those that the last opening was based on.";
    CIRCUIT_FAILURES = Gauge "circuit_failures", REASON, Calls,
        "Failures among the recorded calls, or of the outage that opened it, by cause; at most seven are told apart.";
    CIRCUIT_FAILURE_RATE = Gauge "circuit_failure_rate", ENGINE, Ratio, "The share of failures in the recorded calls.";
    CIRCUIT_THRESHOLD = Gauge "circuit_failure_rate_threshold", ENGINE, Ratio,
        "The share of failures from which on the breaker opens.";
    CIRCUIT_SLOW_RATE = Gauge "circuit_slow_call_rate", ENGINE, Ratio, "The share of slow calls in the recorded calls.";
}
