//! One subject on its way through the rounds.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::alloc;
use crate::report::machine::Versions;
use crate::rounds::{Plan, SubjectResult};
use crate::stats::Spread;
use crate::subjects::{Maker, Subject};

/// A subject, how many of its calls fill a round, and what the rounds said.
pub struct Lane {
    subject: Subject,
    calls: u64,
    /// Per call, in each round.
    pub nanos: Vec<f64>,
    rounds: usize,
    disturbed: usize,
    since: Instant,
}

/// How often the kernel took the processor from this process before it was done.
fn interrupted() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.involuntary_context_switches())
}

impl Lane {
    /// Warms up for a few rounds.
    pub fn new(mut subject: Subject, plan: Plan) -> Self {
        let round = Duration::from_millis(plan.millis);
        let until = Instant::now() + 3 * round;
        let mut calls = 1;
        loop {
            let took = (subject.run)(calls);
            let fits = round.as_secs_f64() / took.as_secs_f64().max(1e-9) * calls as f64;
            if Instant::now() >= until {
                let calls = (fits as u64).max(1);
                return Self {
                    subject,
                    calls,
                    nanos: vec![],
                    rounds: 0,
                    disturbed: 0,
                    since: Instant::now(),
                };
            }
            calls = (fits as u64).clamp(1, calls * 10);
        }
    }

    /// Once more if the kernel let somebody else run meanwhile, but not for ever.
    pub fn round(&mut self) {
        for last in [false, false, false, false, true] {
            let before = interrupted();
            let took = (self.subject.run)(self.calls);
            let disturbed = interrupted() != before;
            self.rounds += 1;
            self.disturbed += usize::from(disturbed);
            if last || !disturbed {
                return self.nanos.push(took.as_nanos() as f64 / self.calls as f64);
            }
        }
    }

    pub const fn maker(&self) -> Maker {
        self.subject.maker
    }

    pub const fn core(&self) -> bool {
        self.subject.core
    }

    /// Allocations and bytes per call, by all threads that make calls. The least of a few counts: what a thread takes
    /// when it waits for the first time is no cost of a call.
    fn allocations(&mut self) -> (f64, f64) {
        const CALLS: u64 = 1_000;
        let counts = [(); 3].map(|()| {
            let (_, counted) = alloc::count(|| (self.subject.run)(CALLS));
            (counted.calls, counted.bytes)
        });
        let (least, bytes) = counts.into_iter().min().unwrap_or_default();
        let calls = (CALLS * self.subject.threads) as f64;
        (least as f64 / calls, bytes as f64 / calls)
    }

    /// Of a bare service: its rounds and what it allocates.
    pub fn bare(mut self) -> Bare {
        Bare { allocations: self.allocations(), nanos: self.nanos }
    }

    /// Given what its rounds are over those of the bare service, and what that one allocates.
    pub fn result(mut self, over: &[f64], nothing: (f64, f64), versions: &Versions) -> SubjectResult {
        let traffic = self.calls as f64 * self.rounds as f64 / self.since.elapsed().as_secs_f64();
        let (allocations, bytes) = self.allocations();
        let disturbed = round(100.0 * self.disturbed as f64 / self.rounds.max(1) as f64);
        let Subject { maker, what, note, whole, core, grows, future, per_key, .. } = self.subject;
        SubjectResult {
            maker,
            version: versions.of(maker),
            what,
            note,
            whole,
            core,
            over_ns: Spread::of(over),
            ours_above_ns: None,
            disturbed_percent: disturbed,
            allocations: round(allocations - nothing.0),
            bytes: round(bytes - nothing.1),
            future_bytes: future,
            bytes_per_key: per_key.map(round),
            calls_per_second: grows.then(|| traffic.round()),
        }
    }
}

/// What the others are measured against.
pub struct Bare {
    pub nanos: Vec<f64>,
    pub allocations: (f64, f64),
}

/// To a tenth. Adding zero takes the minus from a zero.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}
