use super::{Name, NameWord};
use crate::model::{Model, Shared, Twin, join, spawn};

pub(crate) const MODELS: &[Model] = &[Model {
    name: "name: a rename against a refusal",
    threads: 2,
    check: a_rename_against_a_refusal,
    twins: &[
        Twin { bug: "relaxed: a name is told", fails_with: "a number without its name" },
        Twin { bug: "relaxed: a name is read", fails_with: "a number without its name" },
    ],
}];

/// Whoever has the number finds the name, without a lock.
fn a_rename_against_a_refusal() {
    let word = Shared::new(NameWord::new(Name("former")));
    let thread = spawn(0, &word, |word| word.set(Name("latter")));
    let found = word.get().name();
    assert!(["former", "latter"].contains(&found.as_str()), "a number without its name");
    join(thread);
    assert_eq!(word.get().name(), "latter");
}
