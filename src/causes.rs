//! Counts by cause, of things that happen seldom.

use crate::algo::counter::Counter;
use crate::sync::OnceLock;

/// Why something was done, counted by cause: the first few that come up by name, the rest together.
///
/// A slot is taken once and keeps its cause, so finding it needs no lock.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    named: [Slot; 7],
    other: Counter,
}

#[derive(Debug, Default)]
struct Slot {
    cause: OnceLock<&'static str>,
    count: Counter,
}

impl Causes {
    pub(crate) fn count(&self, cause: &'static str) {
        let slot = self.named.iter().find(|slot| *slot.cause.get_or_init(|| cause) == cause);
        slot.map_or(&self.other, |slot| &slot.count).add();
    }

    /// Most frequent first.
    pub(crate) fn get(&self) -> Vec<(&'static str, u64)> {
        let named = self.named.iter().filter_map(|slot| Some((*slot.cause.get()?, slot.count.get())));
        let other = ("other", self.other.get());
        let mut all: Vec<_> = named.chain([other]).filter(|(_, count)| *count > 0).collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_causes_are_told_apart() {
        let causes = Causes::default();
        assert_eq!(causes.get(), []);
        for cause in ["a", "b", "b", "c", "d", "e", "f", "g", "h", "i", "j", "b"] {
            causes.count(cause);
        }
        let seen = causes.get();
        assert_eq!(seen[..2], [("b", 3), ("other", 3)]);
        assert_eq!((seen.len(), seen.iter().map(|(_, count)| count).sum::<u64>()), (8, 12));
    }
}
