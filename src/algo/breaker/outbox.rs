use std::collections::VecDeque;

use super::report::Transition;

/// Transitions that nobody has been told of yet, in order.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Queued>,
    is_delivering: bool,
}

/// One or more transitions to be told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    pub(crate) transition: Transition,
    /// How many earlier ones it stands for.
    pub(crate) merged: u64,
    /// Whether it, or one that it stands for, opened the breaker for what came back.
    pub(crate) is_outbreak: bool,
    /// Which attempt of its call brought it about.
    pub(crate) attempt: u32,
}

impl Outbox {
    /// Only a listener that takes its time makes a queue.
    const CAPACITY: usize = 8;

    pub(super) fn new() -> Self {
        Self { queue: VecDeque::with_capacity(Self::CAPACITY), is_delivering: false }
    }

    /// Takes no memory before there is something to tell.
    pub(super) fn small() -> Self {
        Self { queue: VecDeque::new(), is_delivering: false }
    }

    /// When it is full, the last one stands for the new one too: each still begins where the one before ended,
    /// and the last one tells the state.
    pub(super) fn push(&mut self, transition: Transition, attempt: u32) {
        let is_outbreak = transition.reason.is_outbreak();
        if self.queue.len() < Self::CAPACITY {
            self.queue.push_back(Queued { transition, merged: 0, is_outbreak, attempt });
        } else if let Some(last) = self.queue.back_mut() {
            last.transition = Transition { from: last.transition.from, ..transition };
            last.merged = last.merged.saturating_add(1);
            last.is_outbreak |= is_outbreak;
            last.attempt = attempt;
        }
    }

    /// Makes the caller the one who delivers, if there is something to deliver and nobody does.
    pub(super) fn begin(&mut self) -> bool {
        let begins = !self.is_delivering && !self.queue.is_empty();
        self.is_delivering |= begins;
        begins
    }

    /// The next one. With the last one gone, the caller does not deliver any more.
    pub(super) fn next(&mut self) -> Option<Queued> {
        let next = self.queue.pop_front();
        self.is_delivering = next.is_some();
        next
    }

    /// The one who delivers gave up. The rest goes with the next transition.
    pub(super) fn abandon(&mut self) {
        self.is_delivering = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::breaker::episode::EpisodeTotals;
    use crate::algo::breaker::report::Evidence;
    use crate::algo::breaker::state::{CircuitControl, CircuitReason, CircuitState};

    fn transition(from: CircuitState, to: CircuitState, reason: CircuitReason) -> Transition {
        Transition {
            from,
            to,
            control: CircuitControl::Automatic,
            reason,
            evidence: Evidence::NONE,
            retry_after: None,
            episode: EpisodeTotals::default(),
        }
    }

    fn reset() -> Transition {
        transition(CircuitState::Open, CircuitState::Closed, CircuitReason::Reset)
    }

    #[test]
    fn one_delivers_at_a_time_until_there_is_nothing_left() {
        let mut outbox = Outbox::new();
        assert!(!outbox.begin(), "there is nothing to deliver");
        outbox.push(reset(), 1);
        assert!(outbox.begin());
        assert!(!outbox.begin(), "somebody does");
        outbox.push(reset(), 2);
        let attempts: Vec<_> = std::iter::from_fn(|| outbox.next()).map(|queued| queued.attempt).collect();
        assert_eq!(attempts, [1, 2]);
        outbox.push(reset(), 1);
        assert!(outbox.begin());
    }

    #[test]
    fn a_small_one_grows() {
        let mut outbox = Outbox::small();
        (1..=9).for_each(|attempt| outbox.push(reset(), attempt));
        assert!(outbox.begin());
        let told: Vec<_> =
            std::iter::from_fn(|| outbox.next()).map(|told| (told.attempt, told.merged)).collect();
        assert_eq!((told.len(), told[0], told[7]), (8, (1, 0), (9, 1)));
    }

    #[test]
    fn what_was_abandoned_goes_with_the_next() {
        let mut outbox = Outbox::new();
        outbox.push(reset(), 1);
        outbox.push(reset(), 2);
        assert!(outbox.begin() && outbox.next().is_some());
        outbox.abandon();
        assert!(outbox.begin());
        assert_eq!(outbox.next().map(|queued| queued.attempt), Some(2));
    }

    #[test]
    fn the_last_one_stands_for_what_does_not_fit() {
        use CircuitState::{Closed, HalfOpen, Open};
        let mut outbox = Outbox::new();
        (0..7).for_each(|_| outbox.push(reset(), 1));
        outbox.push(transition(Open, HalfOpen, CircuitReason::OpenTimeOver), 1);
        outbox.push(transition(HalfOpen, Closed, CircuitReason::TrialsSucceeded), 1);
        outbox.push(transition(Closed, Open, CircuitReason::FailureRate), 3);
        outbox.push(transition(Open, HalfOpen, CircuitReason::OpenTimeOver), 1);
        outbox.push(transition(HalfOpen, Closed, CircuitReason::TrialsSucceeded), 2);
        let told: Vec<_> = std::iter::from_fn(|| outbox.next()).collect();
        assert_eq!(told.len(), Outbox::CAPACITY);
        assert!(told[..7].iter().all(|queued| queued.merged == 0 && !queued.is_outbreak));
        let last = told[7];
        assert_eq!((last.merged, last.is_outbreak, last.attempt), (4, true, 2));
        let Transition { from, to, reason, .. } = last.transition;
        assert_eq!((from, to, reason), (Open, Closed, CircuitReason::TrialsSucceeded));
    }
}
