use std::time::Duration;

use super::machine::Machine;
use super::phase::Phase;
use super::state::CircuitState;
use crate::sync::{AtomicU64, Ordering};
use crate::units::{Instant, nanos};

/// What most calls need to know, readable without the lock and written only under it.
///
/// `word` is `epoch << 32 | flags | tag`. It is written twice for each change, with [`MOVING`] first and what is new
/// last. The last one releases, and reading `word` acquires: so who sees a new word sees the settings that came with
/// it. `until` is released and acquired too: who reads a new one sees that the word was being changed. So whoever
/// reads the same word before and after it read `until` has read the one that belongs to it.
///
/// All else is relaxed. `bucket_until`, `longer_than` and `cancelled_after` stand for themselves: whoever reads an older
/// one settles its call by the bucket or the rule of a moment ago.
///
/// On a cache line of its own: what is counted beside it would take it away from all other threads.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Gate {
    word: AtomicU64,
    until: AtomicU64,
    bucket_until: AtomicU64,
    longer_than: AtomicU64,
    cancelled_after: AtomicU64,
}

/// The state, as one load shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const ISOLATED: u64 = 3;
const BYPASSED: u64 = 4;
/// Being changed: only the lock knows.
const MOVING: u64 = 7;
const TAG: u64 = 7;
/// Whether the slow-call rule is on, so that calls have to be timed from the beginning.
const TIMES_CALLS: u64 = 8;
/// Longer than anything takes.
pub(super) const OFF: u64 = u64::MAX;

/// What a [`Word`] says about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Closed,
    /// Refused until the time that [`Gate::until`] tells.
    Shut,
    /// Let through until then, by hand.
    Bypassed,
    /// Ask under the lock.
    Ask,
}

impl Word {
    #[inline]
    pub(super) fn sight(self) -> Sight {
        match self.0 & TAG {
            CLOSED => Sight::Closed,
            OPEN | ISOLATED => Sight::Shut,
            BYPASSED => Sight::Bypassed,
            _ => Sight::Ask,
        }
    }

    pub(super) fn is_automatic(self) -> bool {
        self.0 & TAG == OPEN
    }

    /// `None` while it is being changed.
    pub(super) fn state(self) -> Option<CircuitState> {
        match self.0 & TAG {
            CLOSED | BYPASSED => Some(CircuitState::Closed),
            OPEN | ISOLATED => Some(CircuitState::Open),
            HALF_OPEN => Some(CircuitState::HalfOpen),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn epoch(self) -> u32 {
        (self.0 >> u32::BITS) as u32
    }

    #[inline]
    pub(super) fn times_calls(self) -> bool {
        self.0 & TIMES_CALLS != 0
    }

    fn moving(self) -> Self {
        Self(self.0 | MOVING)
    }

    fn of(machine: &Machine) -> Self {
        let tag = match machine.phase() {
            Phase::Closed => CLOSED,
            Phase::Open { .. } => OPEN,
            Phase::HalfOpen => HALF_OPEN,
            Phase::Isolated { .. } => ISOLATED,
            Phase::Bypassed { .. } => BYPASSED,
        };
        let times_calls = if machine.settings().slow.is_some() { TIMES_CALLS } else { 0 };
        Self(u64::from(machine.epoch()) << u32::BITS | times_calls | tag)
    }
}

impl Gate {
    pub(super) fn new(machine: &Machine) -> Self {
        let gate = Self {
            word: AtomicU64::new(Word::of(machine).0),
            until: AtomicU64::new(0),
            bucket_until: AtomicU64::new(0),
            longer_than: AtomicU64::new(OFF),
            cancelled_after: AtomicU64::new(OFF),
        };
        gate.publish_window(machine);
        gate.publish(machine);
        gate
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// Until when this word says what it says. `None` if it is another one by now.
    pub(super) fn until(&self, word: Word) -> Option<Instant> {
        let until = Instant::from_nanos(self.until.load(Ordering::Acquire));
        (self.word() == word).then_some(until)
    }

    /// From when on a success has to be recorded under the lock, because it belongs to another bucket.
    #[inline]
    pub(super) fn bucket_until(&self) -> Instant {
        Instant::from_nanos(self.bucket_until.load(Ordering::Relaxed))
    }

    /// A call that took longer than so many nanoseconds is slow; [`OFF`] if that is not asked.
    #[inline]
    pub(super) fn longest(&self) -> u64 {
        self.longer_than.load(Ordering::Relaxed)
    }

    pub(super) fn cancelled_after(&self) -> Option<Duration> {
        on(self.cancelled_after.load(Ordering::Relaxed))
    }

    /// Only under the lock.
    pub(super) fn publish_window(&self, machine: &Machine) {
        self.bucket_until.store(machine.window_until().as_nanos(), Ordering::Relaxed);
    }

    /// Only under the lock.
    pub(super) fn publish(&self, machine: &Machine) {
        let word = Word::of(machine);
        self.word.store(word.moving().0, Ordering::Relaxed);
        self.until.store(machine.phase().until().as_nanos(), Ordering::Release);
        let settings = machine.settings();
        let longer_than = settings.slow.map(|rule| rule.longer_than);
        self.longer_than.store(longer_than.map_or(OFF, nanos), Ordering::Relaxed);
        self.cancelled_after.store(settings.cancelled_after.map_or(OFF, nanos), Ordering::Relaxed);
        self.word.store(word.0, Ordering::Release);
    }
}

fn on(nanos: u64) -> Option<Duration> {
    (nanos != OFF).then_some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::breaker::open_time::OpenTime;
    use crate::algo::breaker::phase::Inputs;
    use crate::algo::breaker::rules::{Settings, SlowRule, TrialRule};
    use crate::algo::window::Shape;
    use crate::units::Ratio;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings() -> Settings {
        Settings {
            window: Shape::Time { bucket: SECOND, buckets: 2 },
            min_calls: 1,
            failure_rate: Ratio::new("failure_rate", 0.5).unwrap(),
            outage: None,
            slow: None,
            trials: TrialRule { calls: 1, successes: 1, timeout: SECOND },
            open_time: OpenTime { base: SECOND, factor: 1.0, cap: SECOND, jitter: 0.0 },
            cancelled_after: None,
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(0).saturating_add(Duration::from_secs(seconds))
    }

    fn inputs<'a>(seconds: u64) -> Inputs<'a> {
        Inputs { now: at(seconds), refused: 0, random: &|| 0.5 }
    }

    #[test]
    fn it_shows_where_the_machine_is() {
        let mut machine = Machine::new(settings(), at(0));
        let gate = Gate::new(&machine);
        let seen = |gate: &Gate| {
            let word = gate.word();
            (word.sight(), word.state().unwrap(), word.is_automatic(), gate.until(word).unwrap())
        };
        assert_eq!(seen(&gate), (Sight::Closed, CircuitState::Closed, false, Instant::NEVER));
        let failure = super::super::phase::Recorded { failure: Some("503"), slow: false };
        let _ = machine.record(super::super::phase::Role::Call, failure, &inputs(1));
        gate.publish(&machine);
        assert_eq!(seen(&gate), (Sight::Shut, CircuitState::Open, true, at(2)));
        let _ = machine.admit(&inputs(2));
        gate.publish(&machine);
        assert_eq!(seen(&gate), (Sight::Ask, CircuitState::HalfOpen, false, Instant::NEVER));
        let _ = machine.isolate(at(9), &inputs(3));
        gate.publish(&machine);
        assert_eq!(seen(&gate), (Sight::Shut, CircuitState::Open, false, at(9)));
        let _ = machine.bypass(at(8), &inputs(3));
        gate.publish(&machine);
        assert_eq!(seen(&gate), (Sight::Bypassed, CircuitState::Closed, false, at(8)));
        assert_eq!(gate.word().epoch(), machine.epoch());
        assert_eq!(machine.epoch(), 4);
    }

    #[test]
    fn what_belongs_to_another_word_is_not_told() {
        let mut machine = Machine::new(settings(), at(0));
        let gate = Gate::new(&machine);
        let before = gate.word();
        let _ = machine.isolate(at(9), &inputs(1));
        gate.publish(&machine);
        assert_eq!((gate.until(before), gate.until(gate.word())), (None, Some(at(9))));
        for tag in CLOSED..=BYPASSED {
            let moving = Word(7 << u32::BITS | TIMES_CALLS | tag).moving();
            assert_eq!((moving.sight(), moving.state(), moving.is_automatic()), (Sight::Ask, None, false));
            assert_eq!((moving.epoch(), moving.times_calls()), (7, true));
        }
    }

    #[test]
    fn the_rules_that_calls_ask_for_are_those_of_the_settings() {
        let mut machine = Machine::new(settings(), at(0));
        let gate = Gate::new(&machine);
        assert_eq!((gate.longest(), gate.cancelled_after(), gate.word().times_calls()), (OFF, None, false));
        machine.advance(at(5));
        assert_eq!(gate.bucket_until(), at(0), "not told yet");
        gate.publish_window(&machine);
        assert_eq!(gate.bucket_until(), at(6));
        let slow = Some(SlowRule { longer_than: SECOND, rate: Ratio::new("slow_call_rate", 0.5).unwrap() });
        let timed = Settings { slow, cancelled_after: Some(2 * SECOND), ..settings() };
        machine.reconfigure(timed, &mut super::super::machine::Spares::of(&timed));
        gate.publish(&machine);
        assert_eq!(gate.longest(), 1_000_000_000);
        assert_eq!((gate.cancelled_after(), gate.word().times_calls()), (Some(2 * SECOND), true));
        assert_eq!(gate.word().sight(), Sight::Closed);
    }
}
