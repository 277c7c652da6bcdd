//! The laws of the engines (DESIGN, section 9), held against their snapshots: by orders, by the soak, and for whatever is
//! fuzzed.

use buttress::Mode;
use buttress::registry::{EngineDetail, EngineSnapshot};

/// What is wrong with the engine; nothing may be, at any moment.
pub fn broken(engine: &EngineSnapshot) -> Option<String> {
    let broken = laws(&engine.detail).into_iter().find(|(_, left, right)| left != right);
    broken.map(|(law, left, right)| tell(engine, &format!("{law}: {left} is not {right}")))
}

/// What the engine still holds; nothing may be left when all calls are over.
pub fn held(engine: &EngineSnapshot) -> Option<String> {
    let (in_flight, waiting) = match &engine.detail {
        EngineDetail::CircuitBreaker(s) => (s.in_flight, s.trials_in_flight.into()),
        EngineDetail::Bulkhead(s) => (s.in_flight, s.waiting),
        EngineDetail::KeyedCircuitBreaker(s) => (s.in_flight, 0),
        EngineDetail::KeyedBulkhead(s) => (s.in_flight, s.waiting),
        EngineDetail::RateLimit(s) => (0, s.waiting),
        _ => (0, 0),
    };
    let is_held = in_flight + waiting > 0;
    is_held.then(|| tell(engine, &format!("{in_flight} in flight, {waiting} waiting, when all is over")))
}

/// What somebody switched and did not switch back.
pub fn switched(engine: &EngineSnapshot) -> Option<String> {
    (engine.mode != Mode::Enforce).then(|| tell(engine, "is not enforced again"))
}

fn tell(engine: &EngineSnapshot, what: &str) -> String {
    format!("{} {}: {what}; {:?}", engine.identity.layer, engine.identity.name, engine.detail)
}

type Law = (&'static str, u64, u64);

fn laws(detail: &EngineDetail) -> Vec<Law> {
    const CALLS: &str = "calls = admitted + rejected";
    const WOULD: &str = "what a dry run lets pass is among the admitted";
    const APART: &str = "calls without a key are among the admitted";
    const OVERFLOWED: &str = "calls without a key or a place are among the calls";
    const REASONS: &str = "rejected = the sum of its reasons";
    match detail {
        EngineDetail::CircuitBreaker(s) => {
            let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
            vec![
                (CALLS, s.calls, s.admitted + s.rejected),
                ("admitted = ended each way + in flight", s.admitted, ended + s.in_flight),
                ("late and panicked are among those that ended", 0, over(s.late, ended)),
                ("panicked are among the cancelled", 0, over(s.panicked, s.cancelled)),
                ("not ready are among the rejected", 0, over(s.not_ready, s.rejected)),
                ("trials are among those in flight", 0, over(s.trials_in_flight.into(), s.in_flight)),
                (WOULD, 0, over(s.would_reject, s.admitted)),
                ("slow calls are among the recorded", 0, over(s.slow_calls, s.recorded)),
                ("episodes are among the openings", 0, over(s.episodes, s.opened)),
                ("recorded = successes + failures", s.recorded, s.successes + s.failures),
            ]
        }
        EngineDetail::Bulkhead(s) => vec![
            (CALLS, s.calls, s.admitted + s.rejected),
            (REASONS, s.rejected, s.full + s.queue_full + s.queue_timeout + s.not_ready),
            (
                "admitted = completed + cancelled + in flight",
                s.admitted,
                s.completed + s.cancelled + s.in_flight,
            ),
            ("panicked are among the cancelled", 0, over(s.panicked, s.cancelled)),
            (WOULD, 0, over(s.would_reject, s.admitted)),
        ],
        EngineDetail::KeyedCircuitBreaker(s) => {
            let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
            vec![
                (CALLS, s.calls, s.admitted + s.rejected),
                ("admitted = ended each way + in flight", s.admitted, ended + s.in_flight),
                (WOULD, 0, over(s.would_reject, s.admitted)),
                ("late are among those that ended", 0, over(s.late, ended)),
                ("panicked are among the cancelled", 0, over(s.panicked, s.cancelled)),
                ("not ready are among the rejected", 0, over(s.not_ready, s.rejected)),
                ("episodes are among the openings", 0, over(s.episodes, s.opened)),
                (APART, 0, over(s.unguarded, s.admitted)),
                (OVERFLOWED, 0, over(s.overflowed + s.unguarded, s.calls)),
                ("keys = those in each state", s.keys as u64, (s.closed + s.open + s.half_open) as u64),
            ]
        }
        EngineDetail::KeyedBulkhead(s) => vec![
            (CALLS, s.calls, s.admitted + s.rejected),
            (REASONS, s.rejected, s.full + s.queue_full + s.queue_timeout + s.not_ready),
            (
                "admitted = completed + cancelled + in flight",
                s.admitted,
                s.completed + s.cancelled + s.in_flight,
            ),
            ("panicked are among the cancelled", 0, over(s.panicked, s.cancelled)),
            (WOULD, 0, over(s.would_reject, s.admitted)),
            ("full keys are among the keys", 0, over(s.full_keys as u64, s.keys as u64)),
            (APART, 0, over(s.unlimited, s.admitted)),
            (OVERFLOWED, 0, over(s.overflowed + s.unlimited, s.calls)),
        ],
        EngineDetail::RateLimit(s) => vec![
            (CALLS, s.calls, s.admitted + s.rejected),
            (REASONS, s.rejected, s.rate_limited + s.cost_above_burst + s.not_ready),
            (WOULD, 0, over(s.would_reject.max(s.would_wait), s.admitted)),
        ],
        EngineDetail::KeyedRateLimit(s) => vec![
            (CALLS, s.calls, s.admitted + s.rejected),
            (REASONS, s.rejected, s.rate_limited + s.cost_above_burst + s.not_ready),
            (WOULD, 0, over(s.would_reject, s.admitted)),
            (APART, 0, over(s.unlimited, s.admitted)),
            (OVERFLOWED, 0, over(s.overflowed + s.unlimited, s.calls)),
        ],
        EngineDetail::Retry(s) => vec![
            ("attempts = calls + retries", s.attempts, s.calls + s.retries),
            ("retries = the sum of their causes", s.retries, sum(&s.causes)),
            (
                "recovered and given up are among the calls",
                0,
                over(
                    s.recovered
                        + s.not_repeatable
                        + s.attempts_exhausted
                        + s.budget_exhausted
                        + s.deadline
                        + s.rejected,
                    s.calls,
                ),
            ),
            ("what a dry run does not repeat is among the calls", 0, over(s.would_retry, s.calls)),
        ],
        EngineDetail::RetryBudget(s) => vec![
            ("returned are among the withdrawn", 0, over(s.returned, s.withdrawn)),
            (
                "available is within the capacity",
                1,
                (0.0..=f64::from(s.capacity)).contains(&s.available).into(),
            ),
        ],
        EngineDetail::Timeout(s) => vec![
            (CALLS, s.calls, s.admitted + s.rejected),
            (WOULD, 0, over(s.would_time_out, s.admitted)),
            (
                "ended by time are among the admitted",
                0,
                over(s.timed_out + s.cut_short + s.stalled, s.admitted),
            ),
        ],
        EngineDetail::Fallback(s) => vec![
            (CALLS, s.calls, s.admitted + s.rejected),
            (WOULD, 0, over(s.would_fall, s.admitted)),
            ("what has a cause is among the calls", 0, over(sum(&s.causes), s.calls)),
            ("degraded and failed have a cause", 0, over(s.degraded + s.failed, sum(&s.causes))),
        ],
        _ => vec![("a kind of engine that has no laws here", 0, 1)],
    }
}

fn sum(causes: &[(&str, u64)]) -> u64 {
    causes.iter().map(|(_, count)| count).sum()
}

/// By how much a part is more than the whole.
fn over(part: u64, whole: u64) -> u64 {
    part.saturating_sub(whole)
}
