//! What an engine is set to, and who set it.

use std::fmt;
use std::time::Duration;

use crate::units::nanos;

/// One setting of an engine, as it is in force. See [`Engine::settings`](super::Engine::settings).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Setting {
    /// What its setter or field is called, with the name of the group before a dot: `"open_time"`,
    /// `"backoff.base"`.
    pub name: &'static str,
    /// The value.
    pub value: SettingValue,
    /// Who set it.
    pub source: SettingSource,
}

/// The value of a [`Setting`].
///
/// Its `Display` is for people: `64`, `0.5`, `1.5s`, `on`, `full`, `none`. As JSON, a time is a number of
/// seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SettingValue {
    /// It is not set, and what it would be about does not happen.
    None,
    /// On or off.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A share, a factor or a rate.
    Number(f64),
    /// A time.
    Time(Duration),
    /// One of a few words.
    Word(&'static str),
}

/// Who gave a [`Setting`] its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SettingSource {
    /// Nobody: it is the documented default.
    Default,
    /// The code that made the engine or its layer.
    Code,
    /// A setter of the handle, at run time.
    RunTime,
    /// A person, through [`Engine::change`](super::Engine::change).
    Override,
}

impl SettingSource {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Code => "code",
            Self::RunTime => "run_time",
            Self::Override => "override",
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.value)
    }
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Flag(on) => f.write_str(if *on { "on" } else { "off" }),
            Self::Count(count) => count.fmt(f),
            Self::Number(number) => number.fmt(f),
            // As long as engines can tell; what is longer is not told apart from it.
            Self::Time(time) if nanos(*time) == u64::MAX => f.write_str("forever"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for SettingValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Flag(on) => on.serialize(serializer),
            Self::Count(count) => count.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Time(time) => crate::integrations::serde::seconds(time, serializer),
            Self::Word(word) => word.serialize(serializer),
        }
    }
}

macro_rules! from {
    ($($ty:ty => |$value:ident| $made:expr),* $(,)?) => {$(
        impl From<$ty> for SettingValue {
            fn from($value: $ty) -> Self {
                $made
            }
        }
    )*};
}

from! {
    bool => |on| Self::Flag(on),
    u32 => |count| Self::Count(count.into()),
    u64 => |count| Self::Count(count),
    usize => |count| Self::Count(u64::try_from(count).unwrap_or(u64::MAX)),
    f64 => |number| Self::Number(number),
    Duration => |time| Self::Time(time),
    &'static str => |word| Self::Word(word),
}

impl<T: Into<Self>> From<Option<T>> for SettingValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

/// Takes the settings of an engine one by one: name, value, and the documented default if there is one.
pub(crate) type Visit<'a> = dyn FnMut(&'static str, SettingValue, Option<SettingValue>) + 'a;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_words() {
        let shown = |value: SettingValue| value.to_string();
        assert_eq!(shown(64_u32.into()), "64");
        assert_eq!(shown(0.5.into()), "0.5");
        assert_eq!(shown(2.0.into()), "2");
        assert_eq!(shown(Duration::from_millis(1_500).into()), "1.5s");
        assert_eq!(shown(Duration::MAX.into()), "forever");
        assert_eq!((shown(true.into()), shown(false.into())), ("on".into(), "off".into()));
        assert_eq!(shown("full".into()), "full");
        assert_eq!((shown(None::<u32>.into()), shown(Some(7_u32).into())), ("none".into(), "7".into()));
    }
}
