//! The bugs that twins are made of.

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

/// Each of them, in an order that stays the same within a build.
pub(crate) fn all() -> Vec<Bug> {
    let weak = WEAK.iter().map(|[name, file, within, access]| weak(name, file, within, access));
    let wrong = WRONG.iter().map(|[name, file, within, original, replacement]| Bug {
        name,
        file,
        within,
        original,
        replacement: (*replacement).into(),
    });
    wrong.chain(weak).collect()
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

/// Name, file, the place before it, what is right, what is wrong.
const WRONG: &[[&str; 5]] = &[[
    "a withdrawal in two steps",
    "algo/budget/shared.rs",
    "fn try_withdraw_at",
    "self.tokens.fetch_update(",
    "crate::model::in_steps(&self.tokens, $bug, ",
]];

/// Name, file, the place before it, and the access that is relaxed.
const WEAK: &[[&str; 4]] = &[];
