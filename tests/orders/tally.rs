//! What was seen in the end, mode by mode: an order that survives because nothing happens in it proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use buttress::registry::{EngineDetail, EngineSnapshot};
use buttress::{CallError, RejectedKind};

use crate::modes::{Built, FALLEN, Mode};
use crate::support::{Act, Fail};

type Counts = BTreeMap<&'static str, u64>;

/// What the services at the bottom did, and what callers came to, in one order.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Counts>>);

impl Seen {
    pub fn note(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    pub fn act(&self, act: Act) -> Act {
        self.note(match act {
            Act::Ok => "service: ok",
            Act::Err => "service: error",
            Act::After(_) => "service: slow",
            Act::ErrAfter(_) => "service: slow error",
            Act::Hang => "service: hangs",
            Act::Yield(_) => "service: yields",
            Act::PanicInCall => IN_CALL,
            Act::PanicInPoll => "service: panics in poll",
        });
        act
    }

    pub fn end(&self, result: &Result<u64, Fail>) {
        self.note(match result {
            Ok(FALLEN) => "caller: fallback",
            Ok(_) => "caller: answer",
            Err(CallError::Inner(_)) => "caller: error",
            Err(CallError::Rejected(rejected)) => match rejected.kind() {
                RejectedKind::CircuitOpen => "caller: circuit open",
                RejectedKind::BulkheadFull => "caller: bulkhead full",
                RejectedKind::QueueFull => "caller: queue full",
                RejectedKind::QueueTimeout => "caller: queue timeout",
                RejectedKind::RateLimited => "caller: rate limited",
                RejectedKind::TimedOut => "caller: timed out",
                _ => "caller: another rejection",
            },
        });
    }
}

/// Whatever mode it is in, it meets all others, and so it meets all of this.
const EVERYWHERE: [&str; 19] = [
    "caller: answer",
    "caller: bulkhead full",
    "caller: circuit open",
    "caller: dropped before its first poll",
    "caller: dropped while it waits",
    "caller: error",
    "caller: fallback",
    "caller: panic",
    "caller: queue full",
    "caller: rate limited",
    "caller: timed out",
    "service: error",
    "service: hangs",
    "service: ok",
    IN_CALL,
    "service: panics in poll",
    "service: slow",
    "service: slow error",
    "service: yields",
];

const NO_QUEUE: [&str; 3] = ["bulkhead: abandoned", "bulkhead: queue full", "bulkhead: queue timeout"];
const NO_LINE: [&str; 3] = ["rate limit: abandoned", "rate limit: waited", "rate limit: would wait"];
const ONE_CELL: &str = "rate limit: cost above burst";
const IN_CALL: &str = "service: panics in call";

/// What a mode cannot come to. A worker is spared panics in `call`, which end it.
const NEVER: [(&str, &[&str]); 13] = [
    ("bulkhead", &NO_QUEUE),
    ("bulkhead with a queue", &["bulkhead: full"]),
    ("rate limit", &[NO_LINE[0], NO_LINE[1], NO_LINE[2], ONE_CELL]),
    ("rate limit that waits", &[ONE_CELL]),
    ("rate limit by cost", &NO_LINE),
    ("fallback to a value", &["fallback: failed"]),
    ("fallback to a closure", &["fallback: failed"]),
    (
        "client stack",
        &[
            NO_QUEUE[0],
            NO_QUEUE[1],
            NO_QUEUE[2],
            ONE_CELL,
            // It is there, and never asked.
            "fallback: degraded",
            "fallback: failed",
            "fallback: would fall",
        ],
    ),
    ("server stack", &["bulkhead: full"]),
    ("tower's buffer", &[IN_CALL]),
    ("tower's rate limit", &[IN_CALL]),
    ("tower's balance by pending requests", &[IN_CALL]),
    ("tower's balance by peak EWMA", &[IN_CALL]),
];

/// What a mode comes to in a few orders only: it may be there or not.
const SELDOM: [(&str, &str); 2] = [
    // It is not ready instead, unless a worker or a call that waits further out keeps it ready while it opens.
    ("breaker with backpressure", "breaker: rejected"),
    // Its time-out ends what hangs first, unless that is switched off meanwhile.
    ("client stack", "breaker: trials restarted"),
];

/// By mode, of all orders that it is part of.
#[derive(Default)]
pub struct Tally {
    modes: BTreeMap<&'static str, Counts>,
    orders: u64,
}

impl Tally {
    pub fn add(&mut self, order: &[Mode], built: &Built) {
        self.orders += 1;
        let seen = built.seen.0.lock().unwrap();
        for mode in order.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>() {
            let counts = self.modes.entry(mode).or_default();
            seen.iter().for_each(|(what, count)| *counts.entry(what).or_default() += count);
        }
        for (mode, engine) in built.owners.iter().zip(&built.engines) {
            let counts = self.modes.entry(mode).or_default();
            for (what, count) in outcomes(&engine.snapshot()) {
                *counts.entry(what).or_default() += count;
            }
        }
    }

    /// `calls` is how many there were in each order.
    pub fn check(&self, calls: u32, floor: u64) {
        println!("{} orders, {} calls", self.orders, self.orders * u64::from(calls));
        let mut wrong = Vec::new();
        for (mode, counts) in &self.modes {
            let of_engines =
                counts.keys().filter(|what| !what.starts_with("caller") && !what.starts_with("service"));
            let never = NEVER.iter().find(|(name, _)| name == mode).map_or(&[][..], |(_, never)| never);
            for what in of_engines.chain(&EVERYWHERE).collect::<BTreeSet<_>>() {
                let count = counts.get(what).copied().unwrap_or_default();
                if SELDOM.contains(&(mode, what)) {
                    continue;
                }
                if never.contains(what) {
                    wrong.extend((count > 0).then(|| format!("{mode}: {what}: {count}, and it cannot be")));
                } else if count < floor {
                    wrong.push(format!("{mode}: {what}: only {count}"));
                }
            }
        }
        assert!(wrong.is_empty(), "not what is to be seen, {floor} times each:\n{}", wrong.join("\n"));
    }
}

/// Each way in which an engine can decide, and a call can end; how often.
fn outcomes(engine: &EngineSnapshot) -> Vec<(&'static str, u64)> {
    match &engine.detail {
        EngineDetail::CircuitBreaker(s) => vec![
            ("breaker: rejected", s.rejected),
            ("breaker: would reject", s.would_reject),
            ("breaker: succeeded", s.succeeded),
            ("breaker: failed", s.failed),
            ("breaker: ignored", s.ignored),
            ("breaker: cancelled", s.cancelled),
            ("breaker: panicked", s.panicked),
            ("breaker: late", s.late),
            ("breaker: opened", s.opened),
            ("breaker: trials restarted", s.trials_restarted),
        ],
        EngineDetail::Bulkhead(s) => vec![
            ("bulkhead: completed", s.completed),
            ("bulkhead: cancelled", s.cancelled),
            ("bulkhead: panicked", s.panicked),
            ("bulkhead: full", s.full),
            ("bulkhead: queue full", s.queue_full),
            ("bulkhead: queue timeout", s.queue_timeout),
            ("bulkhead: abandoned", s.abandoned),
            ("bulkhead: would reject", s.would_reject),
        ],
        EngineDetail::KeyedCircuitBreaker(s) => vec![
            ("keyed breaker: rejected", s.rejected),
            ("keyed breaker: would reject", s.would_reject),
            ("keyed breaker: succeeded", s.succeeded),
            ("keyed breaker: failed", s.failed),
            ("keyed breaker: cancelled", s.cancelled),
            ("keyed breaker: opened", s.opened),
        ],
        EngineDetail::KeyedBulkhead(s) => vec![
            ("keyed bulkhead: completed", s.completed),
            ("keyed bulkhead: cancelled", s.cancelled),
            ("keyed bulkhead: rejected", s.full + s.queue_full),
            ("keyed bulkhead: would reject", s.would_reject),
        ],
        EngineDetail::RateLimit(s) => vec![
            ("rate limit: admitted", s.admitted),
            ("rate limit: rate limited", s.rate_limited),
            ("rate limit: cost above burst", s.cost_above_burst),
            ("rate limit: would reject", s.would_reject),
            ("rate limit: would wait", s.would_wait),
            ("rate limit: waited", s.queue_wait.count()),
            ("rate limit: abandoned", s.abandoned),
        ],
        EngineDetail::KeyedRateLimit(s) => vec![
            ("keyed rate limit: admitted", s.admitted),
            ("keyed rate limit: rate limited", s.rate_limited),
            ("keyed rate limit: would reject", s.would_reject),
            ("keyed rate limit: overflowed", s.overflowed),
        ],
        EngineDetail::Retry(s) => vec![
            ("retry: retries", s.retries),
            ("retry: recovered", s.recovered),
            ("retry: attempts exhausted", s.attempts_exhausted),
            ("retry: budget exhausted", s.budget_exhausted),
            ("retry: rejected", s.rejected),
            ("retry: would retry", s.would_retry),
        ],
        EngineDetail::RetryBudget(s) => vec![
            ("budget: withdrawn", s.withdrawn),
            ("budget: returned", s.returned),
            ("budget: refused", s.refused),
        ],
        EngineDetail::Timeout(s) => vec![
            ("timeout: admitted", s.admitted),
            ("timeout: timed out", s.timed_out),
            ("timeout: cut short", s.cut_short),
            ("timeout: stalled", s.stalled),
            ("timeout: would time out", s.would_time_out),
        ],
        EngineDetail::Fallback(s) => vec![
            ("fallback: admitted", s.admitted),
            ("fallback: degraded", s.degraded),
            ("fallback: failed", s.failed),
            ("fallback: would fall", s.would_fall),
        ],
        _ => Vec::new(),
    }
}
