//! What answers and errors mean, said by their types or by a strategy.

pub(crate) mod chain;
mod errors;

use std::convert::Infallible;
use std::fmt;

pub use chain::find_rejected;

use crate::reject::Rejected;
use crate::verdict::Verdict;

/// What a response type says about the health of the service.
///
/// Not implemented for unknown types, on purpose: an HTTP response is an `Ok` even when its status is
/// 503, and a breaker that guessed would never open. For a type whose every value is a success:
///
/// ```
/// struct Reply;
/// impl buttress::Answer for Reply {}
/// ```
#[diagnostic::on_unimplemented(
    message = "buttress does not know what a response of type `{Self}` means",
    label = "is every `{Self}` a success, or do some of them tell of a failure?",
    note = "your own type, each value a success: `impl buttress::Answer for {Self} {{}}`",
    note = "some values are failures: write `fn verdict(&self) -> buttress::Verdict` in that impl",
    note = "a foreign type whose values are all successes: `.classify(buttress::ErrorsOnly)` on the layer",
    note = "a foreign type: `.classify_fn(|result: Result<&_, &_>| ..)` on the layer"
)]
pub trait Answer {
    /// What this answer means. A success, unless said otherwise.
    fn verdict(&self) -> Verdict {
        Verdict::success()
    }

    /// Marks an answer that a [fallback](crate#which-layer-when) gave in place of the service's own, so that
    /// whoever gets it can tell. Does nothing, unless said otherwise; an HTTP response carries a
    /// `Degraded` in its extensions then.
    fn mark_degraded(&mut self) {}
}

/// What an error type says about the health of the service, and whether it carries one of our
/// rejections.
///
/// ```
/// #[derive(Debug)]
/// enum OrderError {
///     OutOfStock,
///     Database,
///     Rejected(buttress::Rejected),
/// }
///
/// impl From<buttress::Rejected> for OrderError {
///     fn from(rejected: buttress::Rejected) -> Self {
///         Self::Rejected(rejected)
///     }
/// }
///
/// impl buttress::Fault for OrderError {
///     fn as_rejected(&self) -> Option<&buttress::Rejected> {
///         match self {
///             Self::Rejected(rejected) => Some(rejected),
///             _ => None,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "buttress does not know what an error of type `{Self}` means",
    label = "does `{Self}` ever carry a rejection, and is every other value a failure?",
    note = "your own type: `impl buttress::Fault for {Self} {{}}`; if it has a variant for rejections, `as_rejected` returns it",
    note = "a foreign type: put `.map_err(buttress::CallError::Inner)` below the layers",
    note = "either: `.classify_fn(|result: Result<&_, &_>| ..)` on the layer"
)]
pub trait Fault {
    /// The rejection that this error carries, if any.
    fn as_rejected(&self) -> Option<&Rejected> {
        None
    }

    /// What this error means: what its rejection means if it carries one, else a failure.
    fn verdict(&self) -> Verdict {
        match self.as_rejected() {
            Some(rejected) => Verdict::from(*rejected),
            None => Verdict::failure("error"),
        }
    }
}

/// A strategy that tells what a result means.
///
/// The default, [`ByType`], asks [`Answer`] and [`Fault`]. Closures come in through `.classify_fn(..)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell what `Result<{Res}, {E}>` means",
    label = "what counts as a failure here?",
    note = "`.classify_fn(|result: Result<&{Res}, &{E}>| ..)` on the layer says it in place"
)]
pub trait Classify<Res, E> {
    /// What the result means.
    fn classify(&self, result: Result<&Res, &E>) -> Verdict;

    /// Marks an answer that a fallback gave. Does nothing, unless said otherwise; [`ByType`] asks the
    /// [response type](Answer::mark_degraded).
    fn mark_degraded(&self, answer: &mut Res) {
        let _ = answer;
    }
}

/// The default strategy: the response type and the error type say what they mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByType;

impl<Res: Answer, E: Fault> Classify<Res, E> for ByType {
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        match result {
            Ok(answer) => answer.verdict(),
            Err(fault) => fault.verdict(),
        }
    }

    fn mark_degraded(&self, answer: &mut Res) {
        answer.mark_degraded();
    }
}

/// A strategy for response types one cannot touch: every response is a success, and the error type
/// says what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorsOnly;

impl<Res, E: Fault> Classify<Res, E> for ErrorsOnly {
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        match result {
            Ok(_) => Verdict::success(),
            Err(fault) => fault.verdict(),
        }
    }
}

/// The strategy of a closure, made by `.classify_fn(..)` on a layer.
#[derive(Clone, Copy)]
pub struct ClassifyFn<F>(pub F);

impl<F, Res, E> Classify<Res, E> for ClassifyFn<F>
where
    F: Fn(Result<&Res, &E>) -> Verdict,
{
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        (self.0)(result)
    }
}

impl<F> fmt::Debug for ClassifyFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyFn({})", std::any::type_name::<F>())
    }
}

macro_rules! always_success {
    ($($ty:ty),* $(,)?) => { $(impl Answer for $ty {})* };
}

always_success!((), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);
always_success!(String, str, Infallible);

impl<T: ?Sized + Answer> Answer for &T {
    fn verdict(&self) -> Verdict {
        T::verdict(self)
    }
}

impl<T: ?Sized + Answer> Answer for Box<T> {
    fn verdict(&self) -> Verdict {
        T::verdict(self)
    }

    fn mark_degraded(&mut self) {
        T::mark_degraded(self);
    }
}

impl<T> Answer for Vec<T> {}
impl<T> Answer for [T] {}
impl<T, const N: usize> Answer for [T; N] {}

/// `None` is a success: "there is no such thing" is an answer.
impl<T: Answer> Answer for Option<T> {
    fn verdict(&self) -> Verdict {
        self.as_ref().map_or(Verdict::success(), T::verdict)
    }

    fn mark_degraded(&mut self) {
        if let Some(answer) = self {
            answer.mark_degraded();
        }
    }
}

/// The first part decides for the whole.
impl<A: Answer, B> Answer for (A, B) {
    fn verdict(&self) -> Verdict {
        self.0.verdict()
    }

    fn mark_degraded(&mut self) {
        self.0.mark_degraded();
    }
}

/// The first part decides for the whole.
impl<A: Answer, B, C> Answer for (A, B, C) {
    fn verdict(&self) -> Verdict {
        self.0.verdict()
    }

    fn mark_degraded(&mut self) {
        self.0.mark_degraded();
    }
}

#[cfg(feature = "http")]
impl Answer for bytes::Bytes {}
