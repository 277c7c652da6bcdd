//! How many keys an engine keeps, and what becomes of the others.

use crate::algo::keyed::Overflow;
use crate::error::InvalidConfig;
use crate::registry::Visit;
use crate::sync::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Numbers that stand for themselves, hence relaxed.
#[derive(Debug)]
pub(crate) struct Places {
    max_keys: AtomicU64,
    rejects_overflow: AtomicBool,
}

impl Places {
    pub(crate) fn new(max_keys: u64) -> Self {
        Self { max_keys: AtomicU64::new(max_keys), rejects_overflow: AtomicBool::new(false) }
    }

    /// The same settings for another table.
    pub(crate) fn fork(&self) -> Self {
        let fork = Self::new(self.max_keys());
        fork.set_overflow(self.overflow());
        fork
    }

    #[inline]
    pub(crate) fn max_keys(&self) -> u64 {
        self.max_keys.load(Relaxed)
    }

    pub(crate) fn set_max_keys(&self, max: usize) -> Result<(), InvalidConfig> {
        InvalidConfig::check(max > 0, "max_keys", max, "must be at least 1")?;
        self.max_keys.store(u64::try_from(max).unwrap_or(u64::MAX), Relaxed);
        Ok(())
    }

    #[inline]
    pub(crate) fn overflow(&self) -> Overflow {
        if self.rejects_overflow.load(Relaxed) { Overflow::Reject } else { Overflow::Share }
    }

    pub(crate) fn set_overflow(&self, overflow: Overflow) {
        self.rejects_overflow.store(overflow == Overflow::Reject, Relaxed);
    }

    pub(crate) fn tell(&self, visit: &mut Visit<'_>, max_keys: u64) {
        visit("max_keys", self.max_keys().into(), Some(max_keys.into()));
        let overflow = match self.overflow() {
            Overflow::Share => "share",
            Overflow::Reject => "reject",
        };
        visit("overflow", overflow.into(), Some("share".into()));
    }
}

/// The setters of an engine for its [`Places`] `places` of its `table`. The docs are those of `set_max_keys`.
macro_rules! keyed_engine {
    ($engine:ident, $(#[$doc:meta])*) => {
        impl $engine {
            /// The most keys that the table may hold.
            #[must_use]
            pub fn max_keys(&self) -> usize {
                usize::try_from(self.0.places.max_keys()).unwrap_or(usize::MAX)
            }

            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// If it is zero.
            pub fn set_max_keys(&self, max: usize) -> Result<(), crate::error::InvalidConfig> {
                self.at_run_time(|| self.0.places.set_max_keys(max))
            }

            /// What happens to a new key while all places are taken.
            #[must_use]
            pub fn overflow(&self) -> crate::algo::keyed::Overflow {
                self.0.places.overflow()
            }

            /// Changes what happens to a new key while all places are taken. By default
            /// [`Overflow::Share`](crate::Overflow::Share).
            pub fn set_overflow(&self, overflow: crate::algo::keyed::Overflow) {
                self.at_run_time(|| self.0.places.set_overflow(overflow));
            }

            /// Whether the table holds no key.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }
    };
}

/// The same setters on a layer whose engine is in `field`. `default` is the most keys in words.
macro_rules! keyed_layer {
    ($layer:ident<$($generic:ident),*>, $field:ident: $engine:ident, $default:literal) => {
        impl<$($generic),*> $layer<$($generic),*> {
            #[doc = concat!(
                "The most keys that the table may hold. By default ", $default,
                ", see [`set_max_keys`](", stringify!($engine), "::set_max_keys).",
            )]
            ///
            /// # Panics
            ///
            /// If it is zero. [`try_max_keys`](Self::try_max_keys) returns an error instead.
            #[track_caller]
            pub fn max_keys(self, max: usize) -> Self {
                crate::error::valid(self.try_max_keys(max))
            }

            #[doc = concat!("The most keys that the table may hold. By default ", $default, ".")]
            ///
            /// # Errors
            ///
            /// If it is zero.
            pub fn try_max_keys(self, max: usize) -> Result<Self, crate::error::InvalidConfig> {
                crate::registry::in_code(self.$field.member(), || self.$field.set_max_keys(max))?;
                Ok(self)
            }

            /// What happens to a new key while all places are taken. By default
            /// [`Overflow::Share`](crate::Overflow::Share).
            pub fn overflow(self, overflow: crate::algo::keyed::Overflow) -> Self {
                crate::registry::in_code(self.$field.member(), || self.$field.set_overflow(overflow));
                self
            }
        }
    };
}

pub(crate) use {keyed_engine, keyed_layer};
