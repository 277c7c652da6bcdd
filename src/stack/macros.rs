//! What is the same for all stacks.

/// For each part a setter that replaces it and one that takes it out. A replaced part may have another
/// type, and Rust cannot yet update a struct across types, so each setter spells all fields; hence a macro.
macro_rules! parts {
    ($stack:ident<$($ty:ident),*> {
        $($part:ident: $part_ty:ident $suffix:literal, $without:ident, $doc:literal;)*
    }) => {
        parts!(@each $stack [$($ty)*] [] [$($part: $part_ty $suffix, $without, $doc;)*]);

        impl<$($ty: Part),*> $stack<$($ty),*> {
            /// The parts in order, each with what is added to the name of the stack to name it.
            fn parts(&self) -> Vec<Named<'_>> {
                vec![$((&self.$part, $suffix)),*]
            }

            /// What is the same for all parts has changed.
            fn adopt_all(mut self) -> Self {
                let mut plate = self.plate.clone();
                plate.change(&self.parts());
                self.plate = plate;
                self
            }

            /// Who looks after the dependency: told in each event, snapshot and log line of a part.
            pub fn owner(mut self, owner: impl Into<Name>) -> Self {
                self.plate.owner = Some(owner.into());
                self.adopt_all()
            }

            /// Where it says what to do when a part acts up: told in each event, snapshot and log line of a
            /// part.
            pub fn runbook(mut self, runbook: impl Into<Name>) -> Self {
                self.plate.runbook = Some(runbook.into());
                self.adopt_all()
            }

            /// What the stack is: its layers in order, what they are set to, what the worst case is, and
            /// what looks like a mistake. See [`explain`](crate::explain).
            pub fn explain(&self) -> Explanation {
                self.plate.explain(&self.parts())
            }
        }

        impl<$($ty: Part),*> Part for $stack<$($ty),*> {
            fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
                $(self.$part.describe(tell);)*
            }
        }
    };
    (@each $stack:ident [$($ty:ident)*] [$($done:tt)*] []) => {};
    (
        @each $stack:ident [$($ty:ident)*] [$($done:tt)*]
        [$part:ident: $part_ty:ident $suffix:literal, $without:ident, $doc:literal; $($rest:tt)*]
    ) => {
        parts!(@setters $stack [$($ty)*] $part: $part_ty $suffix, $without, $doc, [$($done)*], [$($rest)*]);
        parts!(@each $stack [$($ty)*] [$($done)* $part: $part_ty $suffix, $without, $doc;] [$($rest)*]);
    };
    (
        @setters $stack:ident [$($ty:ident)*]
        $part:ident: $part_ty:ident $suffix:literal, $without:ident, $doc:literal,
        [$($b:ident: $b_ty:ident $b_suffix:literal, $b_without:ident, $b_doc:literal;)*],
        [$($a:ident: $a_ty:ident $a_suffix:literal, $a_without:ident, $a_doc:literal;)*]
    ) => {
        impl<$($ty),*> $stack<$($ty),*> {
            #[doc = concat!("Replaces ", $doc, ".")]
            pub fn $part<New: Part>(mut self, $part: New) -> $stack<$($b_ty,)* New, $($a_ty),*> {
                self.plate.change(&[(&$part, $suffix)]);
                $stack { $($b: self.$b,)* $part, $($a: self.$a,)* plate: self.plate }
            }

            #[doc = concat!("Takes out ", $doc, ".")]
            pub fn $without(self) -> $stack<$($b_ty,)* tower::layer::util::Identity, $($a_ty),*> {
                self.$part(tower::layer::util::Identity::new())
            }
        }
    };
}

pub(super) use parts;
