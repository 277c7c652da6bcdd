//! The bugs that twins are made of, and what is smaller in a model.

mod breaker;
mod budget;
mod keyed;
mod line;
mod listeners;
mod modes;
mod permits;
mod rate_limit;
mod shared;

/// File, what stands there, and what the copy has instead: a model needs few of each.
pub(crate) const SMALLER: [[&str; 3]; 4] = [
    ["stripe.rs", "threads.saturating_mul(2).clamp(4, 64)", "threads.clamp(2, 2)"],
    ["algo/gcra/table.rs", "const SHARDS: usize = 64;", "const SHARDS: usize = 2;"],
    ["algo/keyed.rs", "const SHARDS: usize = 16;", "const SHARDS: usize = 2;"],
    ["algo/permits/word.rs", "const CANCELLED_BITS: u32 = 10;", "const CANCELLED_BITS: u32 = 2;"],
];

/// The same for what the checker would not see: it forgets statics of its own after each execution, and none of std's.
pub(crate) const WATCHED: [[&str; 3]; 5] = [
    [
        "name/table.rs",
        "use crate::sync::{Mutex, OnceLock, lock};",
        "use crate::once::OnceLock;\nuse crate::sync::{Mutex, lock};",
    ],
    [
        "name/table.rs",
        "static NUMBERS: Mutex<BTreeMap<&'static str, NameId>> = Mutex::new(BTreeMap::new());",
        "::loom::lazy_static! {
            static ref NUMBERS: Mutex<BTreeMap<&'static str, NameId>> = Mutex::new(BTreeMap::new());
        }",
    ],
    [
        "name/table.rs",
        "static BLOCKS: [OnceLock<Box<[OnceLock<Name>]>>; 32] = [const { OnceLock::new() }; 32];",
        "::loom::lazy_static! {
            static ref BLOCKS: [OnceLock<Box<[OnceLock<Name>]>>; 2] = std::array::from_fn(|_| OnceLock::new());
        }",
    ],
    [
        "circuit_breaker/audience.rs",
        "use crate::sync::{Arc, Mutex, Weak, lock};",
        "use crate::sync::{Mutex, lock};\nuse crate::weak::{Arc, Weak};",
    ],
    [
        "circuit_breaker/listeners.rs",
        "use crate::sync::{Arc, Condvar,",
        "use crate::weak::Arc;\nuse crate::sync::{Condvar,",
    ],
];

/// The number by which the copy knows a bug.
pub(crate) fn number(name: &str) -> Option<usize> {
    all().iter().position(|bug| bug.name == name)
}

/// One bug: what stands in the source, and what stands there with the bug.
pub(crate) struct Bug {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// The first place after this text is meant.
    pub(crate) within: &'static str,
    pub(crate) original: &'static str,
    /// `$bug` in it tells whether the bug is awake.
    pub(crate) replacement: String,
}

/// All of them. One that needs several changes is there several times.
pub(crate) fn all() -> Vec<Bug> {
    let areas = [
        breaker::AREA,
        listeners::AREA,
        modes::AREA,
        permits::AREA,
        rate_limit::AREA,
        line::AREA,
        keyed::AREA,
        budget::AREA,
        shared::AREA,
    ];
    areas.iter().flat_map(Area::bugs).collect()
}

/// The bugs of some shells.
struct Area {
    wrong: &'static [Wrong],
    weak: &'static [Weak],
}

/// Name, file, the place before it, what is right, what is wrong.
type Wrong = [&'static str; 5];

/// Name, file, the place before it, and the access that is relaxed.
type Weak = [&'static str; 4];

impl Area {
    fn bugs(&self) -> impl Iterator<Item = Bug> + use<> {
        let wrong = self.wrong.iter().map(|[name, file, within, original, replacement]| {
            let replacement = (*replacement).into();
            Bug { name, file, within, original, replacement }
        });
        let weak = self.weak.iter().map(|[name, file, within, access]| weak(name, file, within, access));
        wrong.chain(weak)
    }
}

/// An access with a weaker ordering: the first one that its text names.
fn weak(name: &'static str, file: &'static str, within: &'static str, access: &'static str) -> Bug {
    let full = access.find("Ordering::").unwrap_or(usize::MAX);
    let start =
        ["Acquire", "Release"].iter().filter_map(|order| access.find(order)).min().expect("a strong one");
    let end = start + "Acquire".len();
    let start = start.min(full);
    let order = &access[start..end];
    let replacement =
        format!("{}if $bug {{ {} }} else {{ {order} }}{}", &access[..start], RELAXED, &access[end..]);
    Bug { name, file, within, original: access, replacement }
}

const RELAXED: &str = "crate::sync::Ordering::Relaxed";
