//! One limit and those who wait for it as one would write them down: a bucket, and a list of all calls.

use std::task::Poll;

use buttress::{Mode, Quota, RateLimitSnapshot};

use super::bucket::{Bucket, Lack, at};
use crate::world::Switched;

pub struct Model {
    bucket: Bucket,
    calls: Vec<Call>,
    pub max_wait: u64,
    pub switched: Switched,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    cost: u32,
    fate: Fate,
    since: u64,
    waited: Option<u64>,
    /// Nothing was enforced, and it was counted.
    would: Option<Would>,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Waits(Wait),
    Admitted,
    Refused(Lack),
    GaveUp,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    /// The latest instant that it waits for, and the one that it was told, in nanoseconds.
    until: i128,
    due: i128,
    is_woken: bool,
    /// The quota has changed since it was told.
    is_rescheduled: bool,
    /// Nobody has polled it yet, so nothing wakes it.
    is_neglected: bool,
    /// It missed its turn, and wants nothing until it shows up.
    is_absent: bool,
}

impl Wait {
    fn new(until: i128, due: i128) -> Self {
        Self { until, due, is_woken: false, is_rescheduled: false, is_neglected: false, is_absent: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Would {
    Wait,
    Reject,
}

/// What a snapshot tells.
#[derive(Debug, Default, PartialEq)]
pub struct Counts {
    admitted: u64,
    rate_limited: u64,
    cost_above_burst: u64,
    would_reject: u64,
    would_wait: u64,
    waiting: u64,
    abandoned: u64,
    cells: u64,
    waits: u64,
    waited: u64,
}

impl Counts {
    pub fn of(snapshot: &RateLimitSnapshot) -> Self {
        Self {
            admitted: snapshot.admitted,
            rate_limited: snapshot.rate_limited,
            cost_above_burst: snapshot.cost_above_burst,
            would_reject: snapshot.would_reject,
            would_wait: snapshot.would_wait,
            waiting: snapshot.waiting,
            abandoned: snapshot.abandoned,
            cells: snapshot.cells,
            waits: snapshot.queue_wait.count(),
            waited: u64::try_from(snapshot.queue_wait.sum().as_millis()).unwrap(),
        }
    }
}

impl Model {
    pub fn new(quota: Quota) -> Self {
        let bucket = Bucket::new(quota);
        Self { bucket, calls: Vec::new(), max_wait: 60_000, switched: Switched::ENFORCES }
    }

    /// Those who wait, in the order of arrival.
    pub fn waiting(&self) -> impl Iterator<Item = usize> {
        (0..self.calls.len()).filter(|number| matches!(self.calls[*number].fate, Fate::Waits(_)))
    }

    /// Those that did not miss their turn.
    fn present(&self) -> impl Iterator<Item = usize> {
        self.waiting().filter(|number| !self.is_absent(*number))
    }

    fn is_absent(&self, number: usize) -> bool {
        matches!(self.calls[number].fate, Fate::Waits(Wait { is_absent: true, .. }))
    }

    fn is_first(&self, number: usize) -> bool {
        self.present().next() == Some(number)
    }

    fn ahead_of(&self, number: usize) -> u64 {
        let ahead = self.present().take_while(|other| *other < number);
        ahead.map(|other| u64::from(self.calls[other].cost)).sum()
    }

    fn comes(&mut self, cost: u32, fate: Fate, would: Option<Would>, now: u64) -> usize {
        self.calls.push(Call { cost, fate, since: now, waited: None, would });
        self.calls.len() - 1
    }

    /// What refuses it, if that is enforced.
    fn enforced(&self, lack: Option<Lack>, now: u64) -> (Fate, Option<Would>) {
        match (lack, self.switched.at(now)) {
            (None, _) | (_, Mode::Off) => (Fate::Admitted, None),
            (Some(_), Mode::DryRun) => (Fate::Admitted, Some(Would::Reject)),
            (Some(lack), _) => (Fate::Refused(lack), None),
        }
    }

    /// Cells that are free even after everyone who waits got theirs.
    fn take(&mut self, cost: u32, now: u64) -> Option<Lack> {
        if cost == 0 {
            return None;
        }
        let lack = self.bucket.lack(self.ahead_of(self.calls.len()), cost, at(now));
        if lack.is_none() {
            self.bucket.take(cost, at(now));
        }
        lack
    }

    pub fn admit(&mut self, cost: u32, now: u64) -> Result<(), Lack> {
        let lack = self.take(cost, now);
        let (fate, would) = self.enforced(lack, now);
        self.comes(cost, fate, would, now);
        match fate {
            Fate::Refused(lack) => Err(lack),
            _ => Ok(()),
        }
    }

    pub fn acquire(&mut self, cost: u32, deadline: Option<u64>, now: u64) -> (usize, Poll<Result<(), Lack>>) {
        let until = at((now + self.max_wait).min(deadline.unwrap_or(u64::MAX)));
        let lack = self.take(cost, now);
        let (fate, would) = match (lack, self.switched.at(now)) {
            (Some(Lack::For(wait)), mode) if at(now) + i128::from(wait) <= until => {
                let due = at(now) + i128::from(wait);
                match mode {
                    Mode::Off => (Fate::Admitted, None),
                    Mode::DryRun => (Fate::Admitted, Some(Would::Wait)),
                    _ => (Fate::Waits(Wait::new(until, due)), None),
                }
            }
            (lack, _) => self.enforced(lack, now),
        };
        let number = self.comes(cost, fate, would, now);
        (number, self.decision(number))
    }

    fn decision(&self, number: usize) -> Poll<Result<(), Lack>> {
        match self.calls[number].fate {
            Fate::Waits(_) => Poll::Pending,
            Fate::Refused(lack) => Poll::Ready(Err(lack)),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// The first who has to look.
    pub fn who_looks(&self, now: u64) -> Option<usize> {
        self.waiting().find(|number| self.must_look(*number, now))
    }

    fn must_look(&self, number: usize, now: u64) -> bool {
        let Fate::Waits(wait) = self.calls[number].fate else { return false };
        let is_asked = wait.is_woken || at(now) >= wait.due || self.switched.at(now) != Mode::Enforce;
        is_asked && !wait.is_neglected
    }

    /// The first millisecond in which somebody's time comes.
    pub fn next_look(&self) -> u64 {
        let dues = self.waiting().map(|number| match self.calls[number].fate {
            Fate::Waits(wait) if !wait.is_neglected => u64::try_from((wait.due + at(1) - 1) / at(1)).unwrap(),
            _ => u64::MAX,
        });
        dues.min().unwrap_or(u64::MAX)
    }

    /// Nobody polls it for now.
    pub fn neglect(&mut self, number: usize) {
        if let Fate::Waits(wait) = &mut self.calls[number].fate {
            wait.is_neglected = true;
        }
    }

    /// One who waits looks again: the first, or one whose time has come as it was told.
    pub fn look(&mut self, number: usize, now: u64) -> Poll<Result<(), Lack>> {
        let Fate::Waits(wait) = self.calls[number].fate else { panic!("call {number} does not wait") };
        let cost = self.calls[number].cost;
        let due = self.rescheduled(wait, self.ahead_of(number), cost, now);
        if at(now) >= due {
            self.show_up(number, now);
        }
        let is_absent = self.is_absent(number);
        let wait = Wait { due, is_rescheduled: false, is_neglected: false, is_absent, ..wait };
        let is_asked = self.is_first(number) || at(now) >= wait.due;
        let ahead = self.ahead_of(number);
        let lack = if is_asked { self.bucket.lack(ahead, cost, at(now)) } else { Some(Lack::For(0)) };
        let due = match lack {
            Some(Lack::For(more)) if is_asked => at(now) + i128::from(more),
            _ => wait.due,
        };
        match lack {
            None => {
                self.bucket.take(cost, self.as_of(number, now));
                self.leave(number, Fate::Admitted, None, now);
            }
            Some(Lack::For(_)) if due <= wait.until => self.wait_on(number, Wait { due, ..wait }, now),
            lack => {
                let (fate, would) = self.enforced(lack, now);
                self.leave(number, fate, would, now);
            }
        }
        self.decision(number)
    }

    /// Nobody waits for those ahead that missed their turn: of all that are there, from the first on.
    fn show_up(&mut self, number: usize, now: u64) {
        let mut ahead = 0;
        for other in self.present().take_while(|other| *other < number).collect::<Vec<_>>() {
            let wanted = u64::from(self.calls[other].cost);
            if self.bucket.missing(ahead + wanted, at(now)) > -self.lateness() {
                break;
            }
            ahead += wanted;
            self.set_absent(other, true);
        }
        self.set_absent(number, false);
    }

    fn set_absent(&mut self, number: usize, is: bool) {
        if let Fate::Waits(wait) = &mut self.calls[number].fate {
            wait.is_absent = is;
        }
    }

    /// By how much a call may be late.
    fn lateness(&self) -> i128 {
        self.bucket.interval().max(at(50))
    }

    /// By another quota it may come earlier.
    fn rescheduled(&self, wait: Wait, ahead: u64, cost: u32, now: u64) -> i128 {
        let due = match self.bucket.lack(ahead, cost, at(now)) {
            _ if !wait.is_rescheduled => wait.due,
            Some(Lack::Ever) => wait.due,
            Some(Lack::For(more)) => at(now) + i128::from(more),
            None => at(now),
        };
        due.min(wait.due)
    }

    fn wait_on(&mut self, number: usize, wait: Wait, now: u64) {
        match self.switched.at(now) {
            Mode::Enforce => self.calls[number].fate = Fate::Waits(Wait { is_woken: false, ..wait }),
            mode => {
                let would = (mode == Mode::DryRun).then_some(Would::Wait);
                self.leave(number, Fate::Admitted, would, now);
            }
        }
    }

    /// Its turn, not the moment at which it woke: by at most 50 ms or the time of one cell, else a stall would be
    /// followed by a rush.
    fn as_of(&self, number: usize, now: u64) -> i128 {
        let call = &self.calls[number];
        self.bucket.turn(call.cost).max(at(call.since)).max(at(now) - self.lateness())
    }

    fn leave(&mut self, number: usize, fate: Fate, would: Option<Would>, now: u64) {
        let was_first = self.is_first(number);
        let call = &mut self.calls[number];
        (call.fate, call.would, call.waited) = (fate, would, Some(now - call.since));
        if was_first {
            self.wake_first();
        }
    }

    pub fn give_up(&mut self, number: usize) {
        let was_first = self.is_first(number);
        self.calls[number].fate = Fate::GaveUp;
        if was_first {
            self.wake_first();
        }
    }

    fn wake_first(&mut self) {
        let first = self.present().next();
        first.into_iter().for_each(|first| self.wake(first));
    }

    pub fn wake_all(&mut self) {
        for number in self.waiting().collect::<Vec<_>>() {
            self.wake(number);
        }
    }

    fn wake(&mut self, number: usize) {
        if let Fate::Waits(wait) = &mut self.calls[number].fate {
            wait.is_woken = true;
        }
    }

    pub fn set_quota(&mut self, quota: Quota, now: u64) {
        self.bucket.set_quota(quota, at(now));
        self.wake_all();
        for call in &mut self.calls {
            if let Fate::Waits(wait) = &mut call.fate {
                wait.is_rescheduled = true;
            }
        }
    }

    pub fn peek(&self, now: u64) -> [i128; 4] {
        self.bucket.peek(self.ahead_of(self.calls.len()), at(now))
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for call in &self.calls {
            match call.fate {
                Fate::Waits(_) => counts.waiting += 1,
                Fate::Admitted => counts.admitted += 1,
                Fate::Refused(Lack::For(_)) => counts.rate_limited += 1,
                Fate::Refused(Lack::Ever) => counts.cost_above_burst += 1,
                Fate::GaveUp => counts.abandoned += 1,
            }
            // Also of those that were refused, but of nobody who is undecided or gave up.
            if !matches!(call.fate, Fate::Waits(_) | Fate::GaveUp) {
                counts.cells += u64::from(call.cost);
            }
            counts.would_reject += u64::from(call.would == Some(Would::Reject));
            counts.would_wait += u64::from(call.would == Some(Would::Wait));
            counts.waits += u64::from(call.waited.is_some());
            counts.waited += call.waited.unwrap_or_default();
        }
        counts
    }
}
