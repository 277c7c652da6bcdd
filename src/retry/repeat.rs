use std::fmt;

use crate::replay::Replay;

/// A strategy that tells whether and how a request is sent again.
///
/// The default, [`ByRequest`], asks the request's own [`Replay`]. Others come in through
/// [`RetryLayer::repeat`](super::RetryLayer::repeat).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell whether a request of type `{Req}` may be sent again",
    label = "is it harmless to send a `{Req}` twice?",
    note = "your own type: three lines, `impl buttress::Replay for {Req} {{ fn replay(&self) -> Option<Self> {{ Some(self.clone()) }} fn repeatable(&self) -> bool {{ true }} }}`",
    note = "any type that is `Clone`, every request harmless: `.repeat(buttress::Cloned)` on the retry layer",
    note = "a foreign type: `.repeat_fn(|request: &_| ..)` on the retry layer"
)]
pub trait Repeat<Req> {
    /// A copy that can be sent in place of this request; none if it can be sent only once. Asked for
    /// before the first attempt, for every call.
    fn replay(&self, request: &Req) -> Option<Req>;

    /// Whether it does no harm that the service sees this request twice.
    fn repeatable(&self, request: &Req) -> bool;
}

/// The default strategy: the request type says it, by [`Replay`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByRequest;

impl<Req: Replay> Repeat<Req> for ByRequest {
    fn replay(&self, request: &Req) -> Option<Req> {
        request.replay()
    }

    fn repeatable(&self, request: &Req) -> bool {
        request.repeatable()
    }
}

/// Repeats every request that is `Clone`. Only for services that nobody orders from.
///
/// ```
/// use buttress::{BoxError, Cloned, RetryLayer, RetryPolicy};
/// use tower::{ServiceBuilder, service_fn};
///
/// #[derive(Clone)]
/// struct Lookup(u64);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let lookup = ServiceBuilder::new()
///     .layer(RetryLayer::new(RetryPolicy::default()).repeat(Cloned))
///     .service(service_fn(|key: Lookup| async move { Ok::<_, BoxError>(key.0) }));
/// assert_eq!(lookup.oneshot(Lookup(7)).await.unwrap(), 7);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cloned;

impl<Req: Clone> Repeat<Req> for Cloned {
    fn replay(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }

    fn repeatable(&self, _: &Req) -> bool {
        true
    }
}

/// The strategy of a closure, made by [`RetryLayer::repeat_fn`](super::RetryLayer::repeat_fn): what it
/// copies may be repeated, and `None` is sent once.
#[derive(Clone, Copy)]
pub struct RepeatFn<F>(pub F);

impl<F, Req> Repeat<Req> for RepeatFn<F>
where
    F: Fn(&Req) -> Option<Req>,
{
    fn replay(&self, request: &Req) -> Option<Req> {
        (self.0)(request)
    }

    fn repeatable(&self, _: &Req) -> bool {
        true
    }
}

impl<F> fmt::Debug for RepeatFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepeatFn({})", std::any::type_name::<F>())
    }
}
