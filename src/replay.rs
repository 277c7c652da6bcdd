//! What of a request can be sent again.

use crate::sync::Arc;

/// Whether a request can be sent again, and whether it may be.
///
/// Two questions, because they have different answers: an order can be copied, but sending it twice
/// buys twice; a streamed upload is harmless to repeat, but gone once it was sent.
///
/// Implemented for numbers, strings, byte buffers, [`Arc`](std::sync::Arc), tuples and, with the
/// features of that name, the requests of `http` and `reqwest`. Not implemented for everything that is
/// `Clone`, on purpose: that would repeat orders. Your own type takes three lines:
///
/// ```
/// use buttress::Replay;
///
/// #[derive(Clone)]
/// struct Lookup {
///     key: String,
/// }
///
/// impl Replay for Lookup {
///     fn replay(&self) -> Option<Self> { Some(self.clone()) }
///     fn repeatable(&self) -> bool { true }
/// }
///
/// let lookup = Lookup { key: "a".into() };
/// assert_eq!(lookup.replay().unwrap().key, "a");
/// ```
#[doc(alias = "idempotent")]
#[doc(alias = "try_clone")]
#[diagnostic::on_unimplemented(
    message = "buttress does not know whether a request of type `{Self}` may be sent again",
    label = "is it harmless to send a `{Self}` twice?",
    note = "your own type, harmless to repeat: `impl buttress::Replay for {Self} {{ fn replay(&self) -> Option<Self> {{ Some(self.clone()) }} fn repeatable(&self) -> bool {{ true }} }}`",
    note = "your own type, not harmless: the same with `repeatable` being `false`; what was never sent is repeated all the same",
    note = "any type that is `Clone`, every request harmless: `.repeat(buttress::Cloned)` on the retry layer",
    note = "a foreign type: `.repeat_fn(|request: &_| ..)` on the retry layer"
)]
pub trait Replay: Sized {
    /// A copy that can be sent in place of this one; none if there cannot be one, as of a body that is
    /// read from a stream. Asked for before the first attempt, for every call.
    fn replay(&self) -> Option<Self>;

    /// Whether it does no harm that the service sees this request twice. A request that was never sent
    /// is repeated whatever this says.
    fn repeatable(&self) -> bool;
}

macro_rules! by_clone {
    ($($(#[$attr:meta])* [$($generics:tt)*] $ty:ty;)*) => {$(
        $(#[$attr])*
        impl<$($generics)*> Replay for $ty {
            fn replay(&self) -> Option<Self> {
                Some(self.clone())
            }

            fn repeatable(&self) -> bool {
                true
            }
        }
    )*};
}

by_clone! {
    [] (); [] bool; [] char;
    [] u8; [] u16; [] u32; [] u64; [] u128; [] usize;
    [] i8; [] i16; [] i32; [] i64; [] i128; [] isize;
    [] f32; [] f64;
    [] String; [] Box<str>; ['a] &'a str;
    [] Vec<u8>; [] Box<[u8]>; ['a] &'a [u8]; [const N: usize] [u8; N];
    #[cfg(feature = "http")]
    [] bytes::Bytes;
}

/// The copy shares what is inside.
impl<T: ?Sized> Replay for Arc<T> {
    fn replay(&self) -> Option<Self> {
        Some(Self::clone(self))
    }

    fn repeatable(&self) -> bool {
        true
    }
}

impl<T: Replay> Replay for Box<T> {
    fn replay(&self) -> Option<Self> {
        T::replay(self).map(Self::new)
    }

    fn repeatable(&self) -> bool {
        T::repeatable(self)
    }
}

impl<T: Replay> Replay for Option<T> {
    fn replay(&self) -> Option<Self> {
        match self {
            Some(request) => request.replay().map(Some),
            None => Some(None),
        }
    }

    fn repeatable(&self) -> bool {
        self.as_ref().is_none_or(T::repeatable)
    }
}

macro_rules! by_parts {
    ($($part:ident $index:tt),*) => {
        /// Only if every part can be, and may be.
        impl<$($part: Replay),*> Replay for ($($part,)*) {
            fn replay(&self) -> Option<Self> {
                Some(($(self.$index.replay()?,)*))
            }

            fn repeatable(&self) -> bool {
                $(self.$index.repeatable())&&*
            }
        }
    };
}

by_parts!(A 0);
by_parts!(A 0, B 1);
by_parts!(A 0, B 1, C 2);
by_parts!(A 0, B 1, C 2, D 3);

#[cfg(test)]
mod tests {
    use super::*;

    /// Gone once it was sent.
    #[derive(Debug, PartialEq)]
    struct Upload;

    impl Replay for Upload {
        fn replay(&self) -> Option<Self> {
            None
        }

        fn repeatable(&self) -> bool {
            true
        }
    }

    /// Can be copied, must not be repeated.
    #[derive(Debug, PartialEq)]
    struct Order;

    impl Replay for Order {
        fn replay(&self) -> Option<Self> {
            Some(Self)
        }

        fn repeatable(&self) -> bool {
            false
        }
    }

    #[test]
    fn plain_values_are_copied_and_may_be_repeated() {
        let request = (7_u64, "key", vec![1_u8, 2], Some(String::from("x")));
        assert_eq!(request.replay().as_ref(), Some(&request));
        assert!(request.repeatable());
        assert_eq!(None::<Order>.replay(), Some(None));
        assert!(None::<Order>.repeatable());
    }

    #[test]
    fn an_arc_is_shared() {
        let shared = Arc::new(Upload);
        assert!(Arc::ptr_eq(&shared, &shared.replay().unwrap()));
    }

    #[test]
    fn the_most_careful_part_decides() {
        assert_eq!((1, Upload).replay(), None);
        assert_eq!((Order, 1).replay(), Some((Order, 1)));
        assert!(!(Order, 1).repeatable() && !Some(Order).repeatable() && !Box::new(Order).repeatable());
        assert!((1, Upload).repeatable());
        assert_eq!(Some(Upload).replay(), None);
    }
}
