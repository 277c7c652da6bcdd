//! Who asks for a change without the right token, in the log and counted. Plain data: `now` comes in.

use std::time::Duration;

use crate::units::Instant;

/// At most one line in this time: whoever guesses must not be able to fill the log.
const PAUSE: Duration = Duration::from_secs(10);

/// How often it happened.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    count: u64,
    told: u64,
    last: Option<Instant>,
}

impl Strangers {
    pub(super) fn add(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Since the start.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many have to be told of now.
    pub(super) fn tell(&mut self, now: Instant) -> Option<u64> {
        let since = self.count.saturating_sub(self.told);
        let is_due = self.last.is_none_or(|last| now.saturating_since(last) >= PAUSE);
        (since > 0 && is_due).then(|| {
            self.told = self.count;
            self.last = Some(now);
            since
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_then_all_every_ten_seconds() {
        let mut strangers = Strangers::default();
        let at = |second: u64| Instant::from_nanos(second * 1_000_000_000);
        assert_eq!(strangers.tell(at(0)), None);
        let mut told = Vec::new();
        for second in 0..25 {
            strangers.add();
            strangers.add();
            told.extend(strangers.tell(at(second)).map(|since| (second, since)));
        }
        assert_eq!(told, [(0, 2), (10, 20), (20, 20)]);
        // What is left is told without another one.
        assert_eq!((strangers.tell(at(29)), strangers.tell(at(30))), (None, Some(8)));
        assert_eq!((strangers.tell(at(60)), strangers.count()), (None, 50));
    }
}
