//! A timeout as one would write it down: for each call, when it began to wait and what it came to.

use std::task::Poll;
use std::time::Duration;

use buttress::Mode;

use crate::history::ms;
use crate::world::Switched;

pub struct Model {
    calls: Vec<Call>,
    /// In milliseconds; the largest number is the longest duration.
    pub limit: u64,
    pub switched: Switched,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    answers_at: Option<u64>,
    deadline: Option<u64>,
    /// From the first time that the answer was pending.
    watch: Option<Watch>,
    took: Option<u64>,
    end: Option<End>,
    would_time_out: bool,
    is_over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    since: u64,
    limit: u64,
    due: u64,
    /// It went on when it was due, because nothing was enforced then.
    let_go: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Full,
    CutShort,
    Stalled,
}

/// What the caller of a call is told that ended.
#[derive(Debug, PartialEq)]
pub struct Decision {
    pub end: End,
    pub limit: Option<Duration>,
}

/// What one poll comes to, and the deadline that the inner future finds in it.
pub struct Polled {
    pub decision: Poll<Result<u64, Decision>>,
    pub in_force: Option<u64>,
}

#[derive(Default)]
pub struct Counts {
    pub admitted: u64,
    /// Timed out, cut short, stalled, and what a dry run let go on.
    pub ends: [u64; 4],
    pub timed: u64,
    pub took: u64,
}

/// The longest limit is shown as the longest that is told apart.
fn told(limit: u64) -> Duration {
    if limit == u64::MAX { Duration::from_nanos(u64::MAX) } else { ms(limit) }
}

impl Model {
    pub fn new(limit: u64) -> Self {
        Self { calls: Vec::new(), limit, switched: Switched::ENFORCES }
    }

    pub fn call(&mut self, answers_at: Option<u64>, deadline: Option<u64>) -> usize {
        let (watch, took, end) = (None, None, None);
        let call = Call { answers_at, deadline, watch, took, end, would_time_out: false, is_over: false };
        self.calls.push(call);
        self.calls.len() - 1
    }

    pub fn must_look(&self, number: usize, now: u64) -> bool {
        let call = &self.calls[number];
        let is_due = call.watch.is_some_and(|watch| now >= watch.due);
        is_due || call.answers_at.is_some_and(|at| now >= at)
    }

    pub fn poll(&mut self, number: usize, now: u64) -> Polled {
        let in_force = self.in_force(number, now);
        Polled { decision: self.decide(number, now), in_force }
    }

    /// What is not enforced is in force for nobody.
    fn in_force(&self, number: usize, now: u64) -> Option<u64> {
        let call = &self.calls[number];
        let limit = call.watch.map_or(now.saturating_add(self.limit), |watch| watch.due);
        let own = (self.switched.at(now) == Mode::Enforce).then_some(limit);
        [own, call.deadline].into_iter().flatten().min().filter(|at| *at < u64::MAX)
    }

    fn decide(&mut self, number: usize, now: u64) -> Poll<Result<u64, Decision>> {
        let mode = self.switched.at(now);
        let limit = self.limit;
        let call = &mut self.calls[number];
        if call.answers_at.is_some_and(|at| now >= at) {
            call.took = call.watch.map(|watch| now - watch.since);
            call.is_over = true;
            return Poll::Ready(Ok(7));
        }
        let watch = call.watch.get_or_insert_with(|| {
            let due = now.saturating_add(limit).min(call.deadline.unwrap_or(u64::MAX));
            Watch { since: now, limit, due, let_go: false }
        });
        if now < watch.due {
            return Poll::Pending;
        }
        if mode != Mode::Enforce {
            // Whoever was let go on once is not told of again. By the next time it may be enforced.
            call.would_time_out |= mode == Mode::DryRun && !watch.let_go;
            watch.let_go = true;
            watch.due = now.saturating_add(watch.limit.max(1_000));
            return Poll::Pending;
        }
        let late = now - watch.due;
        let end = if watch.due < watch.since.saturating_add(watch.limit) {
            End::CutShort
        } else if late > 50 && late * 10 > watch.limit {
            End::Stalled
        } else {
            End::Full
        };
        (call.took, call.end, call.is_over) = (Some(now - watch.since), Some(end), true);
        Poll::Ready(Err(Decision { end, limit: Some(told(watch.limit)) }))
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts { admitted: self.calls.len() as u64, ..Counts::default() };
        for call in &self.calls {
            if let Some(end) = call.end {
                counts.ends[end as usize] += 1;
            }
            counts.ends[3] += u64::from(call.would_time_out);
            counts.timed += u64::from(call.took.is_some());
            counts.took += call.took.unwrap_or_default();
        }
        counts
    }
}
