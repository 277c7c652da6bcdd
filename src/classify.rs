//! What answers and errors mean, said by their types or by a strategy.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;

use crate::error::{BoxError, CallError};
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

impl Fault for Infallible {}

impl Fault for Rejected {
    fn as_rejected(&self) -> Option<&Rejected> {
        Some(self)
    }
}

impl<E: 'static> Fault for CallError<E> {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(error) => known(error).and_then(find_rejected),
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Rejected(rejected) => Verdict::from(*rejected),
            Self::Inner(error) => known(error).map_or(Verdict::failure("error"), verdict_of),
        }
    }
}

/// `CallError` takes any inner error; of these types more is known than that they failed. The
/// comparison of types is settled at compile time.
fn known<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let any: &dyn Any = error;
    if let Some(boxed) = any.downcast_ref::<BoxError>() {
        return Some(&**boxed);
    }
    #[cfg(feature = "hyper-util")]
    if let Some(error) = any.downcast_ref::<hyper_util::client::legacy::Error>() {
        return Some(error);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = any.downcast_ref::<reqwest::Error>() {
        return Some(error);
    }
    #[cfg(feature = "grpc")]
    if let Some(status) = any.downcast_ref::<tonic::Status>() {
        return Some(status);
    }
    #[cfg(feature = "tonic-transport")]
    if let Some(error) = any.downcast_ref::<tonic::transport::Error>() {
        return Some(error);
    }
    any.downcast_ref::<io::Error>().map(|error| error as _)
}

macro_rules! by_source_chain {
    ($($(#[$attr:meta])* $ty:ty => |$error:ident| $as_dyn:expr;)*) => {$(
        $(#[$attr])*
        impl Fault for $ty {
            fn as_rejected(&self) -> Option<&Rejected> {
                let $error = self;
                find_rejected($as_dyn)
            }

            fn verdict(&self) -> Verdict {
                let $error = self;
                verdict_of($as_dyn)
            }
        }
    )*};
}

by_source_chain! {
    dyn Error => |error| error;
    dyn Error + Send => |error| error;
    dyn Error + Send + Sync => |error| error;
    io::Error => |error| error;
    #[cfg(feature = "hyper-util")]
    hyper_util::client::legacy::Error => |error| error;
    #[cfg(feature = "reqwest")]
    reqwest::Error => |error| error;
    #[cfg(feature = "grpc")]
    tonic::Status => |error| error;
    #[cfg(feature = "tonic-transport")]
    tonic::transport::Error => |error| error;
}

impl<E: ?Sized + Fault> Fault for Box<E> {
    fn as_rejected(&self) -> Option<&Rejected> {
        E::as_rejected(self)
    }

    fn verdict(&self) -> Verdict {
        E::verdict(self)
    }
}

pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An `io::Error` hides what it wraps: its `source()` is the source of that.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// The rejection that an error carries, whatever wraps it.
///
/// ```
/// use std::time::Duration;
/// use buttress::{BoxError, Timeout, find_rejected};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let timeout = Timeout::new(Duration::from_millis(10));
/// let boxed: BoxError = timeout.run(std::future::pending::<()>()).await.unwrap_err().into();
/// let wrapped = std::io::Error::other(boxed);
/// assert!(find_rejected(&wrapped).is_some());
/// # }
/// ```
#[must_use]
pub fn find_rejected<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Rejected> {
    chain(error).find_map(|link| link.downcast_ref::<Rejected>())
}

/// What an error of unknown type means, from what is known along its chain of sources: a rejection, whatever
/// it is wrapped in, else the outermost error that tells.
fn verdict_of(error: &(dyn Error + 'static)) -> Verdict {
    let verdict = match find_rejected(error) {
        Some(rejected) => Verdict::from(*rejected),
        None => chain(error).find_map(known_link).unwrap_or(Verdict::failure("error")),
    };
    if never_left(error) {
        verdict.never_sent()
    } else if follows_redirects(error) {
        verdict.perhaps_sent()
    } else {
        verdict
    }
}

/// Whether the client itself says that it made no connection for this request, or did not send it on the one it
/// had, or the server that it did not begin with it.
///
/// Only the outermost error is asked: further inside, it may be a later step that found no connection, after an
/// earlier one took effect. For that reason a refused connection as such proves nothing.
fn never_left(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "hyper-util")]
    if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return client.is_connect() || crate::integrations::http::transport::was_handed_back(client);
    }
    #[cfg(feature = "tonic-transport")]
    if error.is::<tonic::transport::Error>() {
        let was_refused = crate::integrations::http::transport::was_refused;
        return chain(error).any(|link| link.is::<tonic::ConnectError>() || was_refused(link));
    }
    let _ = error;
    false
}

/// Whether what failed may have been a second request, after the first one took effect: `reqwest` does not tell. Then
/// nothing inside proves that nothing was sent, be it a refused connection or a rejection by a layer around its
/// connector.
fn follows_redirects(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "reqwest")]
    return chain(error).any(|link| {
        // Its source is that of the error inside, which is not a link itself.
        let call = link.downcast_ref::<CallError<reqwest::Error>>();
        link.is::<reqwest::Error>() || matches!(call, Some(CallError::Inner(_)))
    });
    #[cfg(not(feature = "reqwest"))]
    {
        let _ = error;
        false
    }
}

fn known_link(link: &(dyn Error + 'static)) -> Option<Verdict> {
    #[cfg(feature = "hyper-util")]
    if let Some(error) = link.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Verdict::failure("connect"));
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = link.downcast_ref::<reqwest::Error>() {
        if error.is_connect() {
            return Some(Verdict::failure("connect"));
        }
        return error.is_timeout().then_some(Verdict::failure("timeout"));
    }
    #[cfg(feature = "grpc")]
    if let Some(verdict) = crate::integrations::grpc::error::verdict_of(link) {
        return Some(verdict);
    }
    #[cfg(feature = "http")]
    if let Some(verdict) = crate::integrations::http::transport::verdict_of(link) {
        return Some(verdict);
    }
    link.downcast_ref::<io::Error>().and_then(|error| match error.kind() {
        io::ErrorKind::TimedOut => Some(Verdict::failure("timeout")),
        io::ErrorKind::ConnectionRefused => Some(Verdict::failure("connect")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some(Verdict::failure("reset"))
        }
        _ => None,
    })
}
