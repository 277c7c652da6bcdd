//! Setters for the parts of a stack.

/// For each part a setter that replaces it and one that takes it out. A replaced part may have another
/// type, and Rust cannot yet update a struct across types, so each setter spells all fields; hence a macro.
macro_rules! parts {
    ($stack:ident<$($ty:ident),*> { $($before:tt)* }) => {
        parts!(@each $stack [$($ty)*] [] [$($before)*]);
    };
    (@each $stack:ident [$($ty:ident)*] [$($done:tt)*] []) => {};
    (
        @each $stack:ident [$($ty:ident)*] [$($done:tt)*]
        [$part:ident: $part_ty:ident, $without:ident, $doc:literal; $($rest:tt)*]
    ) => {
        parts!(@setters $stack [$($ty)*] $part: $part_ty, $without, $doc, [$($done)*], [$($rest)*]);
        parts!(@each $stack [$($ty)*] [$($done)* $part: $part_ty, $without, $doc;] [$($rest)*]);
    };
    (
        @setters $stack:ident [$($ty:ident)*] $part:ident: $part_ty:ident, $without:ident, $doc:literal,
        [$($b:ident: $b_ty:ident, $b_without:ident, $b_doc:literal;)*],
        [$($a:ident: $a_ty:ident, $a_without:ident, $a_doc:literal;)*]
    ) => {
        impl<$($ty),*> $stack<$($ty),*> {
            #[doc = concat!("Replaces ", $doc, ".")]
            pub fn $part<New>(self, $part: New) -> $stack<$($b_ty,)* New, $($a_ty),*> {
                $stack { $($b: self.$b,)* $part, $($a: self.$a),* }
            }

            #[doc = concat!("Takes out ", $doc, ".")]
            pub fn $without(self) -> $stack<$($b_ty,)* tower::layer::util::Identity, $($a_ty),*> {
                self.$part(tower::layer::util::Identity::new())
            }
        }
    };
}

pub(super) use parts;
