use super::engine::Shared;
use crate::spread::Lent;

/// The right to be in flight. Made by [`try_admit`](super::Bulkhead::try_admit) and [`acquire`](super::Bulkhead::acquire) of
/// a bulkhead.
///
/// ```
/// use buttress::Bulkhead;
///
/// let bulkhead = Bulkhead::new(2);
/// let permit = bulkhead.try_admit().unwrap();
/// let given_up = bulkhead.try_admit().unwrap();
/// permit.complete();
/// drop(given_up);
/// let counts = bulkhead.snapshot();
/// assert_eq!((counts.completed, counts.cancelled, counts.in_flight), (1, 1, 0));
/// ```
///
/// # Cancellation
///
/// A permit that is dropped gives its place back, and its call counts as cancelled; if a panic drops it,
/// also as panicked.
#[derive(Debug)]
#[must_use = "dropping the permit cancels the call"]
pub struct BulkheadPermit {
    engine: Lent<Shared>,
    hold: Hold,
}

/// What has to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// A place within the limit.
    Place,
    /// Nothing: the dry run let the call pass.
    Excess,
    /// Nothing more.
    Settled,
}

impl BulkheadPermit {
    pub(super) const fn new(engine: Lent<Shared>, hold: Hold) -> Self {
        Self { engine, hold }
    }

    /// Gives the place back: the call came to an end, whatever its result.
    pub fn complete(mut self) {
        self.complete_in_place();
    }

    #[inline]
    pub(crate) fn complete_in_place(&mut self) {
        self.engine.complete(std::mem::replace(&mut self.hold, Hold::Settled));
    }
}

impl Drop for BulkheadPermit {
    #[inline]
    fn drop(&mut self) {
        if self.hold != Hold::Settled {
            self.engine.cancel(self.hold);
        }
    }
}
