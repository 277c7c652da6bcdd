//! How layers that keep something for each key find the key of a call.

use std::fmt;
use std::hash::Hash;

/// A strategy that tells the key of a call.
///
/// Closures come in through [`IntoKey`], wherever a layer has a constructor `per_key`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell the key of a request of type `{Req}`",
    note = "a closure says it in place: `per_key(.., |request: &{Req}| Some(..))`"
)]
pub trait KeyOf<Req> {
    /// What requests have in common that belong together.
    type Key: Hash;

    /// The key of this request; `None` if nothing is kept for it, and it passes.
    fn key_of(&self, request: &Req) -> Option<Self::Key>;
}

/// What becomes a [`KeyOf`]: a closure `|request: &Request| Some(key)`, or a strategy of this crate such as
/// `ClientKey` (feature `http`).
///
/// `Marker` tells the compiler these two apart, and nobody has to write it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell the key of a request",
    note = "a closure does, if its argument has a type: `|request: &Request| Some(..)`; `None` passes"
)]
pub trait IntoKey<Marker> {
    /// The strategy.
    type Strategy;

    /// Makes it.
    fn into_key(self) -> Self::Strategy;
}

impl<F, K, Req> IntoKey<(Req, K)> for F
where
    F: Fn(&Req) -> Option<K>,
    K: Hash,
{
    type Strategy = KeyFn<F>;

    fn into_key(self) -> KeyFn<F> {
        KeyFn(self)
    }
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

    #[inline]
    fn key_of(&self, request: &Req) -> Option<K> {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for KeyFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFn({})", std::any::type_name::<F>())
    }
}
