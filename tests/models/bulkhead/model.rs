//! A bulkhead as one would write it down: a list of all calls, and what became of each.

use std::task::Poll;

use buttress::{BulkheadSnapshot, Mode, RejectedKind};

use crate::world::Switched;

pub struct Model {
    calls: Vec<Call>,
    limit: usize,
    queue_len: usize,
    max_wait: u64,
    pub switched: Switched,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    fate: Fate,
    /// Since when it waits or waited, until when it may, and how long it did.
    since: u64,
    due: u64,
    waited: Option<u64>,
    /// It passed because nothing was enforced, and takes no place.
    passed: bool,
    would_reject: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Waits,
    /// Was given a place, and has not looked since.
    Called,
    InFlight,
    Ended(Ends),
    Rejected(RejectedKind),
    Abandoned,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ends {
    Completes,
    Dropped,
    Panics,
}

/// What a snapshot tells.
#[derive(Debug, Default, PartialEq)]
pub struct Counts {
    limit: usize,
    queue_len: usize,
    in_flight: u64,
    waiting: u64,
    admitted: u64,
    full: u64,
    queue_full: u64,
    queue_timeout: u64,
    completed: u64,
    cancelled: u64,
    panicked: u64,
    abandoned: u64,
    would_reject: u64,
    waits: u64,
    waited: u64,
}

impl Counts {
    pub fn of(snapshot: &BulkheadSnapshot) -> Self {
        Self {
            limit: snapshot.limit,
            queue_len: snapshot.queue_len,
            in_flight: snapshot.in_flight,
            waiting: snapshot.waiting,
            admitted: snapshot.admitted,
            full: snapshot.full,
            queue_full: snapshot.queue_full,
            queue_timeout: snapshot.queue_timeout,
            completed: snapshot.completed,
            cancelled: snapshot.cancelled,
            panicked: snapshot.panicked,
            abandoned: snapshot.abandoned,
            would_reject: snapshot.would_reject,
            waits: snapshot.queue_wait.count(),
            waited: u64::try_from(snapshot.queue_wait.sum().as_millis()).unwrap(),
        }
    }
}

impl Model {
    pub fn new(limit: usize) -> Self {
        Self { calls: Vec::new(), limit, queue_len: 0, max_wait: 0, switched: Switched::ENFORCES }
    }

    fn count(&self, is: impl Fn(&Call) -> bool) -> usize {
        self.calls.iter().filter(|call| is(call)).count()
    }

    fn places_taken(&self) -> usize {
        self.count(|call| matches!(call.fate, Fate::InFlight | Fate::Called) && !call.passed)
    }

    fn waiting(&self) -> usize {
        self.count(|call| call.fate == Fate::Waits)
    }

    fn has_room(&self) -> bool {
        self.waiting() == 0 && self.places_taken() < self.limit
    }

    fn comes(&mut self, fate: Fate, now: u64) -> usize {
        self.calls.push(Call {
            fate,
            since: now,
            due: now,
            waited: None,
            passed: false,
            would_reject: false,
        });
        self.calls.len() - 1
    }

    fn pass_or_reject(&mut self, number: usize, kind: RejectedKind, now: u64) {
        let mode = self.switched.at(now);
        let call = &mut self.calls[number];
        if mode == Mode::Enforce {
            call.fate = Fate::Rejected(kind);
        } else {
            (call.fate, call.passed, call.would_reject) = (Fate::InFlight, true, mode == Mode::DryRun);
        }
    }

    pub fn admit(&mut self, now: u64) -> usize {
        let has_room = self.has_room();
        let number = self.comes(Fate::InFlight, now);
        if !has_room {
            self.pass_or_reject(number, RejectedKind::BulkheadFull, now);
        }
        number
    }

    pub fn acquire(&mut self, now: u64, deadline: Option<u64>) -> usize {
        let (has_room, waiting) = (self.has_room(), self.waiting());
        let number = self.comes(Fate::InFlight, now);
        if has_room {
            return number;
        }
        if waiting >= self.queue_len || self.switched.at(now) != Mode::Enforce {
            let no_queue = self.queue_len == 0;
            let kind = if no_queue { RejectedKind::BulkheadFull } else { RejectedKind::QueueFull };
            self.pass_or_reject(number, kind, now);
        } else if deadline.is_some_and(|deadline| deadline <= now) {
            self.calls[number].fate = Fate::Rejected(RejectedKind::QueueTimeout);
        } else {
            let due = (now + self.max_wait).min(deadline.unwrap_or(u64::MAX));
            (self.calls[number].fate, self.calls[number].due) = (Fate::Waits, due);
        }
        number
    }

    /// Whether looking would make a difference to one who waits.
    pub fn must_look(&self, number: usize, now: u64) -> bool {
        let call = &self.calls[number];
        let is_over = now >= call.due || self.switched.at(now) != Mode::Enforce;
        call.fate == Fate::Called || call.fate == Fate::Waits && is_over
    }

    pub fn look(&mut self, number: usize, now: u64) {
        if !self.must_look(number, now) {
            return;
        }
        let call = &mut self.calls[number];
        call.waited = Some(now - call.since);
        if call.fate == Fate::Called {
            call.fate = Fate::InFlight;
        } else {
            self.pass_or_reject(number, RejectedKind::QueueTimeout, now);
        }
    }

    /// A waiter is dropped. If it was called and never knew, its call counts as cancelled.
    pub fn leave(&mut self, number: usize) {
        let was_called = self.calls[number].fate == Fate::Called;
        self.calls[number].fate = if was_called { Fate::Ended(Ends::Dropped) } else { Fate::Abandoned };
        self.call_waiters();
    }

    pub fn end(&mut self, number: usize, how: Ends) {
        self.calls[number].fate = Fate::Ended(how);
        self.call_waiters();
    }

    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.call_waiters();
    }

    pub fn set_queue(&mut self, len: usize, max_wait: u64) {
        (self.queue_len, self.max_wait) = (len, max_wait);
    }

    /// In the order of arrival, as long as there is room.
    fn call_waiters(&mut self) {
        while self.places_taken() < self.limit
            && let Some(first) = self.calls.iter_mut().find(|call| call.fate == Fate::Waits)
        {
            first.fate = Fate::Called;
        }
    }

    /// What became of a call, as far as its caller knows.
    pub fn decision(&self, number: usize) -> Poll<Result<(), RejectedKind>> {
        match self.calls[number].fate {
            Fate::Waits | Fate::Called => Poll::Pending,
            Fate::Rejected(kind) => Poll::Ready(Err(kind)),
            _ => Poll::Ready(Ok(())),
        }
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts { limit: self.limit, queue_len: self.queue_len, ..Counts::default() };
        for call in &self.calls {
            match call.fate {
                Fate::Waits => counts.waiting += 1,
                Fate::Called | Fate::InFlight => counts.in_flight += 1,
                Fate::Ended(Ends::Completes) => counts.completed += 1,
                Fate::Ended(how) => {
                    counts.cancelled += 1;
                    counts.panicked += u64::from(how == Ends::Panics);
                }
                Fate::Rejected(RejectedKind::BulkheadFull) => counts.full += 1,
                Fate::Rejected(RejectedKind::QueueFull) => counts.queue_full += 1,
                Fate::Rejected(_) => counts.queue_timeout += 1,
                Fate::Abandoned => counts.abandoned += 1,
            }
            counts.would_reject += u64::from(call.would_reject);
            counts.waits += u64::from(call.waited.is_some());
            counts.waited += call.waited.unwrap_or_default();
        }
        counts.admitted = counts.in_flight + counts.completed + counts.cancelled;
        counts
    }
}
