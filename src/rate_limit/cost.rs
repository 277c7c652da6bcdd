use std::fmt;

/// A strategy that tells how many cells a call takes.
///
/// The default is [`OneCell`]. Closures come in through `.cost(..)` on a layer.
///
/// A call that costs nothing is admitted whenever the wrapped service is ready for it. (Without a free cell the service
/// is not waited for: while it is not ready, calls are rejected whatever they cost.) One that costs more than the burst never is, and is
/// rejected as [`CostAboveBurst`](crate::RejectedKind::CostAboveBurst).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell what a request of type `{Req}` costs",
    note = "`.cost(|request: &{Req}| 1)` on the layer says it in place"
)]
pub trait Cost<Req> {
    /// The cells that a call with this request takes.
    fn cost(&self, request: &Req) -> u32;
}

/// The default strategy: each call takes one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OneCell;

impl<Req> Cost<Req> for OneCell {
    fn cost(&self, _: &Req) -> u32 {
        1
    }
}

/// The strategy of a closure, made by `.cost(..)` on a layer.
#[derive(Clone, Copy)]
pub struct CostFn<F>(pub F);

impl<F: Fn(&Req) -> u32, Req> Cost<Req> for CostFn<F> {
    fn cost(&self, request: &Req) -> u32 {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for CostFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CostFn({})", std::any::type_name::<F>())
    }
}
