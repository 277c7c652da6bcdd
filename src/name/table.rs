//! Names by number: a rejection carries four bytes, and whoever refuses takes no lock to say who it is.

use std::collections::BTreeMap;
use std::fmt;

use super::Name;
use crate::sync::{Mutex, OnceLock, lock};

/// The number of a name. The same for equal texts, for as long as the process lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NameId(u32);

impl NameId {
    pub(crate) fn name(self) -> Name {
        let (block, place) = position(self.0);
        let name = BLOCKS[block].get().and_then(|names| names[place].get());
        // Each number was given out after its name was written.
        name.copied().unwrap_or(Name("?"))
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0.into()
    }

    /// The one whose bits these were.
    #[expect(clippy::cast_possible_truncation, reason = "there are 32 of them")]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits as u32)
    }
}

impl fmt::Debug for NameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

impl From<Name> for NameId {
    fn from(name: Name) -> Self {
        number(name.as_str(), || name.as_str())
    }
}

/// The number of this text, which `keep` makes last if it is new.
pub(super) fn number(text: &str, keep: impl FnOnce() -> &'static str) -> NameId {
    let mut numbers = lock(&NUMBERS);
    if let Some(&known) = numbers.get(text) {
        return known;
    }
    let kept = keep();
    #[expect(clippy::expect_used, reason = "as many names do not fit into memory")]
    let index = u32::try_from(numbers.len()).expect("fewer than 2^32 names");
    let (block, place) = position(index);
    let names = BLOCKS[block].get_or_init(|| (0..1 << block).map(|_| OnceLock::new()).collect());
    names[place].get_or_init(|| Name(kept));
    numbers.insert(kept, NameId(index));
    NameId(index)
}

static NUMBERS: Mutex<BTreeMap<&'static str, NameId>> = Mutex::new(BTreeMap::new());

/// What was written is never moved, so that it is read without a lock: each block holds twice as many names as
/// the one before.
static BLOCKS: [OnceLock<Box<[OnceLock<Name>]>>; 32] = [const { OnceLock::new() }; 32];

const fn position(index: u32) -> (usize, usize) {
    let from_one = index as usize + 1;
    let block = from_one.ilog2();
    (block as usize, from_one - (1 << block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fill_block_after_block() {
        let positions: Vec<_> = (0..7).map(position).collect();
        assert_eq!(positions, [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]);
        assert_eq!(position(u32::MAX - 1), (31, (1 << 31) - 1));
    }

    #[test]
    fn a_number_leads_back_to_its_name() {
        let names: Vec<Name> = (0..100).map(|n| Name::from(format!("table-{n}"))).collect();
        let ids: Vec<NameId> = names.iter().map(|&name| name.into()).collect();
        assert!(ids.iter().zip(&names).all(|(id, name)| id.name() == *name));
        assert_eq!(NameId::from(Name::from("table-7")), ids[7], "equal texts are one name");
    }

    #[test]
    fn threads_agree_on_the_numbers() {
        let texts = ["north", "south", "east", "west"];
        let ids = || texts.map(|text| NameId::from(Name::from(text)));
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ids)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
        });
        assert!(all.iter().all(|seen| *seen == all[0]));
        assert_eq!(all[0].map(|id| id.name().as_str()), texts);
    }
}
