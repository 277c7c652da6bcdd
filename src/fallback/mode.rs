use std::any::type_name;
use std::fmt;

use super::fallen::Fallen;
use crate::spare::Spare;
use crate::sync::Arc;

/// A strategy that answers in place of a service, without asking another one.
///
/// Made by [`FallbackLayer::value`](super::FallbackLayer::value) and
/// [`FallbackLayer::with`](super::FallbackLayer::with).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer in place of a service with `Result<{Res}, {E}>`",
    label = "the fallback gives another type than the service",
    note = "a value has to be of the service's response type, `{Res}`, and `Clone`",
    note = "a closure has to take a `Fallen<{Res}, {E}>` and return a `Result<{Res}, {E}>`"
)]
pub trait Substitute<Res, E> {
    /// What the caller gets in place of the result.
    ///
    /// # Errors
    ///
    /// What the strategy makes of it.
    fn substitute(&self, fallen: Fallen<Res, E>) -> Result<Res, E>;
}

/// The mode of a [`FallbackLayer`](super::FallbackLayer) that answers with a value.
pub struct Value<V>(Arc<V>);

/// The mode of a [`FallbackLayer`](super::FallbackLayer) that asks a closure.
pub struct With<F>(Arc<F>);

/// The mode of a [`FallbackLayer`](super::FallbackLayer) that asks another service.
pub struct ToService<O>(pub(super) Spare<O>);

impl<V> Value<V> {
    pub(super) fn new(value: V) -> Self {
        Self(Arc::new(value))
    }
}

impl<F> With<F> {
    pub(super) fn new(with: F) -> Self {
        Self(Arc::new(with))
    }
}

impl<Res: Clone, E> Substitute<Res, E> for Value<Res> {
    fn substitute(&self, _: Fallen<Res, E>) -> Result<Res, E> {
        Ok(Res::clone(&self.0))
    }
}

impl<F, Res, E> Substitute<Res, E> for With<F>
where
    F: Fn(Fallen<Res, E>) -> Result<Res, E>,
{
    fn substitute(&self, fallen: Fallen<Res, E>) -> Result<Res, E> {
        (self.0)(fallen)
    }
}

// By hand, because what is inside is shared and need not be `Clone` or `Debug` for it.
macro_rules! shared_inside {
    ($($name:ident),*) => {$(
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), type_name::<T>())
            }
        }
    )*};
}

shared_inside!(Value, With, ToService);
