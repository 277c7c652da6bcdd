//! The decisions, as functions of one packed word.

/// How many calls are in flight and waiting, and how many were admitted and cancelled since the tallies
/// were last taken.
///
/// All four in one word, so that each decision is one atomic step: a newcomer sees the waiters that it
/// must not pass, and whoever releases a permit sees whether somebody waits for it. The tallies are here
/// so that an admitted call needs no second counter and a snapshot is exact; the calls that completed are
/// what was admitted and is neither cancelled nor in flight.
///
/// From the lowest bit: in flight, waiting, cancelled, admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(u64);

const COUNT_BITS: u32 = 18;
const CANCELLED_BITS: u32 = 10;

/// What one permit in flight adds to the word.
pub(super) const PERMIT: u64 = 1;
const WAITING: u64 = 1 << COUNT_BITS;
const CANCELLED: u64 = 1 << (2 * COUNT_BITS);
const ADMITTED: u64 = 1 << (2 * COUNT_BITS + CANCELLED_BITS);

/// The most calls that may be in flight, and the most that may wait.
pub(crate) const MOST: u32 = (1 << COUNT_BITS) - 1;
const MOST_CANCELLED: u64 = (1 << CANCELLED_BITS) - 1;
const MOST_ADMITTED: u64 = u64::MAX / ADMITTED;

/// What becomes of a call that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Admit(Word),
    Wait(Word),
    Refuse,
}

#[allow(clippy::arithmetic_side_effects, reason = "each step is taken only where its field has room for it")]
impl Word {
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn in_flight(self) -> u64 {
        self.0 % WAITING
    }

    pub(super) const fn waiting(self) -> u64 {
        self.0 % CANCELLED / WAITING
    }

    pub(super) const fn cancelled(self) -> u64 {
        self.0 % ADMITTED / CANCELLED
    }

    pub(super) const fn admitted(self) -> u64 {
        self.0 / ADMITTED
    }

    /// Whether a tally is full. It is then taken before the next admission or cancellation.
    pub(super) const fn is_tally_full(self) -> bool {
        self.admitted() == MOST_ADMITTED || self.cancelled() == MOST_CANCELLED
    }

    /// The tallies at zero; the caller keeps what they were.
    pub(super) const fn without_tallies(self) -> Self {
        Self(self.0 % CANCELLED)
    }

    /// Room, and nobody who waits for it.
    pub(super) const fn is_open(self, limit: u64) -> bool {
        self.waiting() == 0 && self.in_flight() < limit
    }

    pub(super) const fn enter(self, limit: u64, queue_len: u64) -> Entry {
        if self.is_open(limit) {
            Entry::Admit(self.admit())
        } else if self.waiting() < queue_len {
            Entry::Wait(Self(self.0 + WAITING))
        } else {
            Entry::Refuse
        }
    }

    /// Admits one who waits, if there is room.
    pub(super) const fn hand_over(self, limit: u64) -> Option<Self> {
        if self.waiting() == 0 || self.in_flight() >= limit {
            return None;
        }
        Some(self.abandon().admit())
    }

    /// Wraps if the tally is full; whoever meets a full one takes it, and this step is not taken.
    const fn admit(self) -> Self {
        Self((self.0 + PERMIT).wrapping_add(ADMITTED))
    }

    /// One who waited went away.
    pub(super) const fn abandon(self) -> Self {
        Self(self.0 - WAITING)
    }

    pub(super) const fn cancel(self) -> Self {
        Self(self.0 - PERMIT + CANCELLED)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admit(word: Word, limit: u64) -> Word {
        match word.enter(limit, 0) {
            Entry::Admit(next) => next,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_fields_fill_the_word_and_do_not_touch() {
        let full = Word(u64::MAX);
        assert_eq!((full.in_flight(), full.waiting()), (MOST.into(), MOST.into()));
        assert_eq!((full.cancelled(), full.admitted()), (MOST_CANCELLED, MOST_ADMITTED));
        assert_eq!(PERMIT | WAITING | CANCELLED | ADMITTED, PERMIT ^ WAITING ^ CANCELLED ^ ADMITTED);
        let crowded = (0..MOST).fold(Word::default(), |word, _| {
            if word.is_tally_full() {
                admit(word.without_tallies(), MOST.into())
            } else {
                admit(word, MOST.into())
            }
        });
        assert_eq!((crowded.in_flight(), crowded.waiting()), (MOST.into(), 0));
        assert_eq!(crowded.enter(MOST.into(), 0), Entry::Refuse);
    }

    #[test]
    fn a_newcomer_never_passes_a_waiter() {
        let word = Word(WAITING);
        assert_eq!(word.enter(8, 0), Entry::Refuse);
        assert_eq!(word.enter(8, 2), Entry::Wait(Word(2 * WAITING)));
        assert!(!word.is_open(8));
    }

    #[test]
    fn nobody_is_admitted_above_the_limit() {
        let word = Word(PERMIT * 8 + WAITING);
        assert_eq!(word.enter(8, 1), Entry::Refuse);
        assert_eq!(word.hand_over(8), None);
        assert_eq!(word.hand_over(3), None);
        assert_eq!(word.hand_over(9), Some(Word(PERMIT * 9 + ADMITTED)));
    }

    #[test]
    fn a_full_tally_is_told_in_time() {
        assert!(!Word(ADMITTED * (MOST_ADMITTED - 1)).is_tally_full());
        assert!(Word(ADMITTED * MOST_ADMITTED).is_tally_full());
        assert!(Word(CANCELLED * MOST_CANCELLED).is_tally_full());
        assert_eq!(Word(u64::MAX).without_tallies().bits(), CANCELLED - 1);
        // A step that is not taken, and yet is reckoned before that is known.
        let full = Word(ADMITTED * MOST_ADMITTED);
        assert!(matches!(full.enter(1, 0), Entry::Admit(_)));
        assert!(Word(full.0 + WAITING).hand_over(1).is_some());
    }

    proptest! {
        /// Against plain numbers.
        #[test]
        fn every_history_agrees_with_four_plain_numbers(
            steps in prop::collection::vec((0..5_u8, 1..6_u64, 0..4_u64), 1..200),
        ) {
            let mut word = Word::default();
            let (mut in_flight, mut waiting, mut cancelled, mut admitted) = (0_u64, 0_u64, 0_u64, 0_u64);
            for (step, limit, queue_len) in steps {
                match step {
                    0 => match word.enter(limit, queue_len) {
                        Entry::Admit(next) => {
                            prop_assert!(waiting == 0 && in_flight < limit);
                            (in_flight, admitted, word) = (in_flight + 1, admitted + 1, next);
                        }
                        Entry::Wait(next) => {
                            prop_assert!(waiting < queue_len && (waiting > 0 || in_flight >= limit));
                            (waiting, word) = (waiting + 1, next);
                        }
                        Entry::Refuse => prop_assert!(waiting >= queue_len),
                    },
                    1 if in_flight > 0 => (in_flight, word) = (in_flight - 1, Word(word.0 - PERMIT)),
                    2 if in_flight > 0 => {
                        (in_flight, cancelled, word) = (in_flight - 1, cancelled + 1, word.cancel());
                    }
                    3 if waiting > 0 => (waiting, word) = (waiting - 1, word.abandon()),
                    4 => if let Some(next) = word.hand_over(limit) {
                        prop_assert!(waiting > 0 && in_flight < limit);
                        (in_flight, waiting, admitted, word) = (in_flight + 1, waiting - 1, admitted + 1, next);
                    },
                    _ => {}
                }
                let seen = (word.in_flight(), word.waiting(), word.cancelled(), word.admitted());
                prop_assert_eq!(seen, (in_flight, waiting, cancelled, admitted));
            }
        }
    }
}
