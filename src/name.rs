//! Names of engines, as they appear in rejections, events and snapshots.

use std::fmt;
use std::panic::Location;

#[cfg(buttress_loom)]
pub(crate) mod loom;
mod table;
mod word;

pub(crate) use table::NameId;
pub(crate) use word::NameWord;

/// The name of one engine: what on-call reads in a rejection, a log line or a dashboard.
///
/// Made from a `&'static str`, or from a `String` that was read at run time. The latter is interned:
/// kept for the rest of the process, once per distinct text. Name engines when they are built, never
/// from request data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Name(&'static str);

impl Name {
    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The place in the source that called the constructor: the name of what nobody named.
    #[track_caller]
    pub(crate) fn of_caller() -> Self {
        Location::caller().to_string().into()
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self(name)
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        table::number(&name, || name.clone().leak()).name()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, text: &str) -> bool {
        self.0 == text
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, text: &&str) -> bool {
        self.0 == *text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_interned_once() {
        let a = Name::from(String::from("orders"));
        let b = Name::from(String::from("orders"));
        assert!(std::ptr::eq(a.as_str(), b.as_str()));
    }

    #[test]
    fn the_place_of_the_caller_is_a_name() {
        assert!(Name::of_caller().as_str().contains("name.rs:"));
    }
}
