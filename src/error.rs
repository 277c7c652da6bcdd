//! What can be wrong with settings, and an error type for clients whose own must not be lost.

use std::fmt;

use crate::reject::Rejected;

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A setting that was refused when a layer or engine was built.
///
/// It names the field, the value it had, and the rule that the value breaks. It never appears
/// at request time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid `{field}` = {value}: {rule}")]
pub struct InvalidConfig {
    field: &'static str,
    value: String,
    rule: &'static str,
}

impl InvalidConfig {
    pub(crate) fn new(field: &'static str, value: impl fmt::Debug, rule: &'static str) -> Self {
        Self { field, value: format!("{value:?}"), rule }
    }

    /// The name of the setting.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value that was refused, as `Debug` shows it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it breaks.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// `Ok` if the rule holds.
    pub(crate) fn check(
        holds: bool,
        field: &'static str,
        value: impl fmt::Debug,
        rule: &'static str,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::new(field, value, rule)) }
    }
}

/// For constructors that document a panic: the value, or a panic that says what is wrong.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "documented: a literal that breaks a rule is a bug at the place where it stands"
)]
pub(crate) fn valid<T>(result: Result<T, InvalidConfig>) -> T {
    match result {
        Ok(value) => value,
        Err(invalid) => panic!("{invalid}"),
    }
}

/// The error of a service whose own error type is foreign, with room for our rejections.
///
/// Layers never change a service's error type; they need it to be able to carry a [`Rejected`].
/// A foreign error such as an HTTP client's cannot, so wrap it once, innermost:
///
/// ```
/// use std::time::Duration;
/// use buttress::{CallError, TimeoutLayer};
/// use tower::{ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # async fn send(_: u64) -> Result<u64, std::fmt::Error> { Ok(1) }
/// let client = ServiceBuilder::new()
///     .layer(TimeoutLayer::new(Duration::from_secs(1)))
///     .map_err(CallError::Inner)
///     .service(service_fn(send));
/// assert_eq!(client.oneshot(7).await, Ok(1));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// A layer refused the call, or stopped waiting for it.
    Rejected(Rejected),
    /// The service's own error.
    Inner(E),
}

impl<E> CallError<E> {
    /// The rejection, if this is one.
    pub fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(_) => None,
        }
    }

    /// The service's own error, if this is one.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E> From<Rejected> for CallError<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Displayed as the rejection itself, which has no source; it is offered here so that a
            // walk along `source()` finds it by its type.
            Self::Rejected(rejected) => Some(rejected),
            // Transparent: shown as the inner error, whose own source comes next.
            Self::Inner(error) => error.source(),
        }
    }
}
