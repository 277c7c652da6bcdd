use std::fmt;

/// How many different causes are told apart.
const KINDS: usize = 6;
/// How many failures are remembered by cause. A window may hold more; then these are the latest of them.
const RECENT: usize = 256;
#[expect(clippy::cast_possible_truncation, reason = "a handful")]
const OTHER: u8 = KINDS as u8;

/// The causes of the latest failures, in the order in which they came.
///
/// Windows let go of their failures in that order too, so those still in a window that holds `n` failures are
/// the latest `n`, and no cause has to be kept per bucket or per call.
#[derive(Debug)]
pub(super) struct CauseLog {
    names: [&'static str; KINDS],
    known: u8,
    recent: Box<[u8; RECENT]>,
    next: usize,
    filled: usize,
}

impl CauseLog {
    pub(super) fn new() -> Self {
        Self { names: [""; KINDS], known: 0, recent: Box::new([OTHER; RECENT]), next: 0, filled: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
        self.known = 0;
    }

    pub(super) fn push(&mut self, cause: &'static str) {
        let kind = self.kind(cause);
        if let Some(slot) = self.recent.get_mut(self.next) {
            *slot = kind;
        }
        self.next = self.next.saturating_add(1) % RECENT;
        self.filled = self.filled.saturating_add(1).min(RECENT);
    }

    /// The number of a cause. A new one takes the place of one that is remembered no more.
    fn kind(&mut self, cause: &'static str) -> u8 {
        let known = self.names.iter().zip(0..self.known);
        if let Some((_, kind)) = known.into_iter().find(|(name, _)| **name == cause) {
            return kind;
        }
        let free = if self.known < OTHER {
            self.known = self.known.saturating_add(1);
            Some(self.known.saturating_sub(1))
        } else {
            (0..OTHER).find(|kind| !self.latest(RECENT as u64).any(|remembered| remembered == *kind))
        };
        let Some(kind) = free else { return OTHER };
        if let Some(name) = self.names.get_mut(usize::from(kind)) {
            *name = cause;
        }
        kind
    }

    fn latest(&self, count: u64) -> impl Iterator<Item = u8> {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.filled);
        (1..=count).filter_map(move |back| {
            let at = self.next.saturating_add(RECENT).saturating_sub(back) % RECENT;
            self.recent.get(at).copied()
        })
    }

    /// How often each cause is among the latest so many failures.
    pub(super) fn of_latest(&self, failures: u64) -> Causes {
        let mut counts = [0_u16; KINDS];
        let mut other = 0_u16;
        for kind in self.latest(failures) {
            let count = counts.get_mut(usize::from(kind)).unwrap_or(&mut other);
            *count = count.saturating_add(1);
        }
        let mut causes = Causes { named: [("", 0); KINDS], other };
        for (slot, (name, count)) in causes.named.iter_mut().zip(self.names.into_iter().zip(counts)) {
            if count > 0 {
                *slot = (name, count);
            }
        }
        causes.named.sort_unstable_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        causes
    }
}

/// Why calls failed, most frequent first: of the failures in question the latest 256.
///
/// A few causes are told apart; the rest is summed as `"other"`. Its `Display` is what the event says:
/// `timeout 22, 503 9`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Causes {
    named: [(&'static str, u16); KINDS],
    other: u16,
}

impl Causes {
    pub(super) const NONE: Self = Self { named: [("", 0); KINDS], other: 0 };

    /// Each cause and how often it came, most frequent first, `"other"` last.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let other = ("other", self.other);
        self.named.into_iter().chain([other]).filter(|(_, count)| *count > 0).map(|(c, n)| (c, n.into()))
    }

    /// How often this cause came.
    #[must_use]
    pub fn count(&self, cause: &str) -> u64 {
        self.iter().find(|(name, _)| *name == cause).map_or(0, |(_, count)| count)
    }

    /// Whether there was no failure.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (cause, count) in self.iter() {
            write!(f, "{between}{cause} {count}")?;
            between = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(causes: &[(&'static str, u64)]) -> CauseLog {
        let mut log = CauseLog::new();
        for &(cause, count) in causes {
            (0..count).for_each(|_| log.push(cause));
        }
        log
    }

    #[test]
    fn the_latest_failures_are_counted_by_cause() {
        let log = log(&[("503", 9), ("timeout", 22)]);
        assert_eq!(log.of_latest(31).to_string(), "timeout 22, 503 9");
        assert_eq!(log.of_latest(24).to_string(), "timeout 22, 503 2");
        assert_eq!(log.of_latest(1_000).count("503"), 9);
        assert!(log.of_latest(0).is_empty() && !log.of_latest(1).is_empty());
        assert_eq!(format!("{:?}", log.of_latest(24)), r#"{"timeout": 22, "503": 2}"#);
    }

    #[test]
    fn what_is_beyond_the_table_is_summed() {
        let log = log(&[("a", 7), ("b", 6), ("c", 5), ("d", 4), ("e", 3), ("f", 2), ("g", 9), ("h", 1)]);
        assert_eq!(log.of_latest(37).to_string(), "a 7, b 6, c 5, d 4, e 3, f 2, other 10");
    }

    #[test]
    fn a_cause_that_is_long_gone_makes_room() {
        let mut log = log(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 300)]);
        log.push("new");
        assert_eq!(log.of_latest(256).to_string(), "f 255, new 1");
        assert_eq!(log.of_latest(u64::MAX).iter().map(|(_, n)| n).sum::<u64>(), 256);
    }

    #[test]
    fn a_cleared_log_starts_anew() {
        let mut log = log(&[("a", 5)]);
        log.clear();
        assert_eq!(log.of_latest(9), Causes::NONE);
        log.push("b");
        assert_eq!(log.of_latest(9).to_string(), "b 1");
    }
}
