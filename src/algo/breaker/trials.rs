use std::time::Duration;

use super::rules::TrialRule;
use crate::units::Instant;

/// The trial calls of one half-open cycle.
#[derive(Debug)]
pub(super) struct Trials {
    /// When the trial call in each slot was admitted; never, if nobody is in it.
    slots: Box<[Instant]>,
    unresolved: u32,
    successes: u32,
    failures: u32,
    oldest: Instant,
}

const FREE: Instant = Instant::NEVER;

/// Where the trial calls of a cycle lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    Undecided,
    /// Enough succeeded.
    Passed,
    /// Enough successes can no longer be reached.
    Failed,
}

impl Trials {
    pub(super) fn new(calls: u32) -> Self {
        Self {
            slots: vec![FREE; calls as usize].into(),
            unresolved: 0,
            successes: 0,
            failures: 0,
            oldest: FREE,
        }
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(FREE);
        self.unresolved = 0;
        self.successes = 0;
        self.failures = 0;
        self.oldest = FREE;
    }

    fn used(&self) -> u32 {
        self.unresolved.saturating_add(self.successes).saturating_add(self.failures)
    }

    pub(super) fn has_room(&self) -> bool {
        (self.used() as usize) < self.slots.len()
    }

    /// When the oldest unresolved trial call stops counting; never, if there is none.
    pub(super) fn give_up_at(&self, timeout: Duration) -> Instant {
        self.oldest.saturating_add(timeout)
    }

    /// A slot, if there is room.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u32> {
        if !self.has_room() {
            return None;
        }
        let (number, slot) = (0..).zip(&mut self.slots).find(|(_, admitted)| **admitted == FREE)?;
        // The last instant there is stands for a free slot.
        *slot = now.min(Instant::from_nanos(u64::MAX.saturating_sub(1)));
        self.oldest = self.oldest.min(*slot);
        self.unresolved = self.unresolved.saturating_add(1);
        Some(number)
    }

    /// A result. Its slot stays used.
    pub(super) fn resolve(&mut self, slot: u32, success: bool) {
        self.give_back(slot);
        let count = if success { &mut self.successes } else { &mut self.failures };
        *count = count.saturating_add(1);
    }

    /// No result: the slot is free again.
    pub(super) fn give_back(&mut self, slot: u32) {
        let Some(admitted) = self.slots.get_mut(slot as usize) else { return };
        *admitted = FREE;
        self.unresolved = self.unresolved.saturating_sub(1);
        self.oldest = self.slots.iter().copied().min().unwrap_or(FREE);
    }

    pub(super) fn outlook(&self, rule: TrialRule) -> Outlook {
        if self.successes >= rule.successes {
            Outlook::Passed
        } else if rule.calls.saturating_sub(self.failures) < rule.successes {
            Outlook::Failed
        } else {
            Outlook::Undecided
        }
    }

    pub(super) fn unresolved(&self) -> u32 {
        self.unresolved
    }

    pub(super) fn successes(&self) -> u32 {
        self.successes
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn rule(calls: u32, successes: u32) -> TrialRule {
        TrialRule { calls, successes, timeout: Duration::from_nanos(10) }
    }

    #[test]
    fn resolved_and_unresolved_calls_share_the_slots() {
        let mut trials = Trials::new(3);
        let slots: Vec<_> = (0..4).map(|now| trials.admit(at(now))).collect();
        assert_eq!(slots, [Some(0), Some(1), Some(2), None]);
        trials.resolve(1, true);
        assert_eq!(trials.admit(at(9)), None);
        trials.give_back(0);
        assert_eq!(trials.admit(at(9)), Some(0));
        assert_eq!(trials.admit(at(9)), None);
    }

    #[test]
    fn the_oldest_unresolved_call_sets_the_limit() {
        let timeout = Duration::from_nanos(10);
        let mut trials = Trials::new(2);
        assert_eq!(trials.give_up_at(timeout), Instant::NEVER);
        trials.admit(at(5));
        trials.admit(at(7));
        assert_eq!(trials.give_up_at(timeout), at(15));
        trials.resolve(0, true);
        assert_eq!(trials.give_up_at(timeout), at(17));
        trials.give_back(1);
        assert_eq!(trials.give_up_at(timeout), Instant::NEVER);
    }

    #[test]
    fn it_ends_as_soon_as_the_end_is_known() {
        let table = [
            (5, 3, 0, 0, Outlook::Undecided),
            (5, 3, 2, 2, Outlook::Undecided),
            (5, 3, 3, 2, Outlook::Passed),
            (5, 3, 0, 3, Outlook::Failed),
            (5, 5, 4, 1, Outlook::Failed),
            (5, 1, 0, 4, Outlook::Undecided),
            (1, 1, 1, 0, Outlook::Passed),
            (1, 1, 0, 1, Outlook::Failed),
        ];
        for (calls, needed, successes, failures, outlook) in table {
            let mut trials = Trials::new(calls);
            for success in std::iter::repeat_n(true, successes).chain(std::iter::repeat_n(false, failures)) {
                let slot = trials.admit(at(0)).unwrap();
                trials.resolve(slot, success);
            }
            assert_eq!(trials.outlook(rule(calls, needed)), outlook, "{calls} {needed} {trials:?}");
        }
    }
}
