//! What the engines counted, held against each other, against the dependency and against those who called.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use buttress::RejectedKind;

use crate::hands::Done;
use crate::inner::Counts;
use crate::stack::{Engines, MOST_CELLS};
use crate::worker::Seen;

/// All that does not fit together, once everything is over.
pub fn differences(engines: &Engines, inner: &Counts, seen: &Seen, hands: &Done) -> Vec<String> {
    let inner = |count: fn(&Counts) -> &AtomicU64| count(inner).load(SeqCst);
    let (keyed, fallback) = (engines.keyed.snapshot(), engines.fallback.snapshot());
    let (total, attempt) = (engines.total.snapshot(), engines.attempt.snapshot());
    let (retry, budget) = (engines.retry.snapshot(), engines.budget.snapshot());
    let (breaker, bulkhead) = (engines.breaker.snapshot(), engines.bulkhead.snapshot());
    let limiter = engines.limiter.snapshot();
    let (circuits, compartments) = (engines.circuits.snapshot(), engines.compartments.snapshot());

    let (ok, broken, too_many) =
        (inner(|inner| &inner.ok), inner(|inner| &inner.broken), inner(|inner| &inner.too_many));
    let panicked = inner(|inner| &inner.panicked);
    let ended_by_limit = attempt.timed_out + attempt.cut_short + attempt.stalled;
    let total_ended = total.timed_out + total.cut_short + total.stalled;
    let exact = [
        ("each call ended once", seen.made, seen.ended()),
        ("calls of the limiter by key", keyed.calls, seen.made),
        ("calls without a key of the limiter", keyed.unlimited, seen.keyless),
        ("calls without a key of the breaker", circuits.unguarded, seen.keyless),
        ("calls without a key of the bulkhead", compartments.unlimited, seen.keyless),
        ("calls of the breaker by key", circuits.calls, keyed.admitted),
        ("calls of the bulkhead by key", compartments.calls + compartments.abandoned, circuits.admitted),
        ("calls of the total timeout", total.calls, fallback.admitted),
        ("calls of the retry", retry.calls, total.admitted),
        ("calls of the breaker", breaker.calls, retry.attempts + hands.breaker_admitted),
        (
            "calls of the bulkhead",
            bulkhead.calls + bulkhead.abandoned,
            breaker.admitted - hands.breaker_admitted + hands.bulkhead_asked,
        ),
        ("calls of the dependency", inner(|inner| &inner.calls), attempt.admitted),
        (
            "calls of the dependency that ended",
            ok + broken + too_many + panicked + inner(|inner| &inner.dropped),
            inner(|inner| &inner.calls),
        ),
        ("unready calls of the dependency", inner(|inner| &inner.violations), 0),
        ("calls in flight in the dependency", inner(|inner| &inner.in_flight), 0),
        ("answers of the fallback", fallback.degraded, seen.fallen),
        ("calls that the total timeout ended", total_ended, seen.total_timeouts),
        ("panics seen by callers", seen.panicked, panicked),
        ("panics seen by the breaker by key", circuits.panicked, panicked),
        ("panics seen by the bulkhead by key", compartments.panicked, panicked),
        ("successes of the breaker by key", circuits.succeeded, seen.answered + seen.fallen),
        ("panics seen by the breaker", breaker.panicked, panicked),
        ("panics seen by the bulkhead", bulkhead.panicked, panicked),
        ("successes of the breaker", breaker.succeeded, ok + hands.succeeded),
        ("failures of the breaker", breaker.failed, broken + attempt.timed_out + hands.failed),
        ("throttled calls of the breaker", breaker.throttled, too_many),
    ];
    // Whoever lets go of a call that was called from the queue, or waits for readiness, leaves it between two layers.
    let let_go = seen.dropped - seen.unpolled + total_ended + hands.let_go;
    // What is refused below and never polled is a cancelled call above.
    let came_back = ok + broken + too_many + ended_by_limit + limiter.rejected;
    let refused_below =
        bulkhead.rejected - hands.refused + limiter.rejected + attempt.cut_short + attempt.stalled;
    // A refusal by the limiter is repeated for free.
    let free = retry.causes.iter().find(|(cause, _)| *cause == RejectedKind::RateLimited.as_str());
    let paid = retry.retries - free.map_or(0, |(_, count)| *count);
    let within = [
        (
            "refusals by key",
            seen.key_refused,
            keyed.rejected + circuits.rejected + compartments.rejected,
            seen.unpolled,
        ),
        ("calls of the fallback", fallback.calls, compartments.admitted, let_go),
        // What a limit ended is a failure as well, if it was the limit and not the caller's deadline.
        (
            "failures of the breaker by key",
            seen.failed,
            circuits.failed + circuits.throttled,
            total_ended + ended_by_limit,
        ),
        (
            "calls of the limiter",
            limiter.calls + limiter.abandoned + hands.bulkhead_admitted,
            bulkhead.admitted,
            let_go,
        ),
        ("calls of the attempt timeout", attempt.calls, limiter.admitted, let_go),
        (
            // Who left is not among the calls.
            "cells that calls of the limiter asked for",
            limiter.cells,
            inner(|inner| &inner.cells),
            MOST_CELLS * limiter.abandoned,
        ),
        ("completed calls of the bulkhead", bulkhead.completed, came_back + hands.completed, seen.unpolled),
        ("ignored calls of the breaker", breaker.ignored, refused_below, seen.unpolled),
        ("tokens of the budget", paid, budget.withdrawn - budget.returned, retry.would_retry),
    ];
    let differ = exact.iter().filter(|(_, left, right)| left != right);
    let differ = differ.map(|(what, left, right)| format!("{what}: {left}, and should be {right}"));
    let outside = within.iter().filter(|(_, least, count, more)| !(*least..=least + more).contains(count));
    let outside = outside.map(|(what, least, count, more)| {
        format!("{what}: {count}, and should be at least {least} and at most {more} more")
    });
    differ.chain(outside).collect()
}
