use std::fmt;
use std::hash::Hash;

/// A strategy that tells by which key a call is limited.
///
/// Closures come in through [`RateLimitLayer::per_key`](crate::RateLimitLayer::per_key).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell the key of a request of type `{Req}`",
    note = "`RateLimitLayer::per_key(quota, |request: &{Req}| Some(..))` says it in place"
)]
pub trait KeyOf<Req> {
    /// What requests that share a limit have in common. Only a hash of it is kept.
    type Key: Hash;

    /// The key of this request; `None` if it is not limited.
    fn key_of(&self, request: &Req) -> Option<Self::Key>;
}

/// The strategy of a closure.
#[derive(Clone, Copy)]
pub struct KeyFn<F>(pub F);

impl<F, K, Req> KeyOf<Req> for KeyFn<F>
where
    F: Fn(&Req) -> Option<K>,
    K: Hash,
{
    type Key = K;

    fn key_of(&self, request: &Req) -> Option<K> {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for KeyFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFn({})", std::any::type_name::<F>())
    }
}
