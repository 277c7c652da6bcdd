use super::info::PartInfo;

/// A layer that says what it is: what a [stack](crate::stack) adopts, and an [explanation](crate::explain)
/// shows.
///
/// Implemented for all layers of this crate, for `Identity` and tuples of parts, and for the stacks
/// themselves. A foreign layer goes into a stack as [`Foreign`](super::Foreign). A layer of your own can be
/// a part too, and if it is made of engines of this crate, those are adopted and explained:
///
/// ```
/// use buttress::explain::{Part, PartInfo, explain};
/// use buttress::{Bulkhead, registry::Engine};
///
/// struct Batches {
///     bulkhead: Bulkhead,
/// }
///
/// impl Part for Batches {
///     fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
///         tell(PartInfo::engine(Engine::Bulkhead(self.bulkhead.clone())));
///     }
/// }
///
/// let batches = Batches { bulkhead: Bulkhead::new(8) };
/// let explained = explain("reports", &[&batches]);
/// assert_eq!(explained.layers()[0].layer, "bulkhead");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part that a stack can explain",
    label = "a stack has to know what it is",
    note = "a layer of another crate: `buttress::explain::Foreign::new(\"what it does\", layer)`",
    note = "your own type: `impl buttress::explain::Part for {Self}`"
)]
pub trait Part {
    /// Tells of each layer that this consists of, outermost first.
    fn describe(&self, tell: &mut dyn FnMut(PartInfo));
}

impl<P: Part + ?Sized> Part for &P {
    fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
        P::describe(self, tell);
    }
}

macro_rules! tuples {
    ($($part:ident)*) => {
        #[allow(non_snake_case, reason = "a name for each type")]
        impl<$($part: Part),*> Part for ($($part,)*) {
            fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
                let ($($part,)*) = self;
                $($part.describe(tell);)*
            }
        }
    };
}

// As many as there are layers in the recommended order; tower's tuples are layers as well.
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
