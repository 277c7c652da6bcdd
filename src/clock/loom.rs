use super::ahead::Ahead;
use crate::model::{Model, Shared, Twin, join, spawn};

pub(crate) const MODELS: &[Model] = &[Model {
    name: "clock: two see the counter ahead",
    threads: 2,
    check: two_see_the_counter_ahead,
    twins: &[Twin { bug: "who was late puts it back", fails_with: "less than was seen" }],
}];

const SECOND: u64 = 1_000_000_000;

/// The system's clock goes on from the latest time that the counter showed to anybody.
fn two_see_the_counter_ahead() {
    let ahead = Shared::new(Ahead::default());
    let thread = spawn(0, &ahead, |ahead| ahead.note(5 * SECOND));
    ahead.note(2 * SECOND);
    join(thread);
    assert_eq!(ahead.get(), 5 * SECOND, "less than was seen");
}
