//! What a response future holds while code of others runs.
//!
//! Such a future is made where it stays: `call`, and the constructors of the futures, are always inlined, or each layer
//! would copy the futures of all layers below it, and reading as a whole what was just written field by field stalls
//! the processor.

/// Something in its place, which is let go of if a panic passes: a permit is free again at once then, and not when
/// whoever caught the panic drops the future. It is not moved: out and back would cost more than all that a layer does
/// with it.
pub(crate) struct Held<'a, T>(&'a mut Option<T>);

impl<'a, T> Held<'a, T> {
    #[inline]
    pub(crate) const fn new(place: &'a mut Option<T>) -> Self {
        Self(place)
    }

    /// It stays in its place.
    #[inline]
    pub(crate) fn keep(self, note: impl FnOnce(&mut T)) {
        if let Some(held) = self.0.as_mut() {
            note(held);
        }
        std::mem::forget(self);
    }

    /// It leaves its place, for one that lasts longer.
    #[cfg(feature = "http")]
    pub(crate) fn take(self) -> Option<T> {
        self.0.take()
    }

    /// It is over.
    #[inline]
    pub(crate) fn end(self, end: impl FnOnce(&mut T)) {
        if let Some(held) = self.0.as_mut() {
            end(held);
        }
    }
}

impl<T> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        *self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn it_goes_at_its_end_and_with_a_panic_but_not_before() {
        let mut place = Some(7);
        Held::new(&mut place).keep(|held| *held += 1);
        assert_eq!(place, Some(8));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _held = Held::new(&mut place);
            std::panic::panic_any("here");
        }));
        assert_eq!((caught.is_err(), place), (true, None));
        place = Some(9);
        let mut ended = 0;
        Held::new(&mut place).end(|held| ended = *held);
        assert_eq!((ended, place), (9, None));
    }

    #[cfg(feature = "http")]
    #[test]
    fn what_is_taken_leaves_its_place() {
        let mut place = Some(7);
        assert_eq!((Held::new(&mut place).take(), place), (Some(7), None));
    }
}
