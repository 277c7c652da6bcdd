//! Operations, drawn as plain numbers: many times faster than a strategy for each part, and what is small is simple,
//! so failures still shrink.

use std::fmt::Debug;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

/// So many histories, unless `PROPTEST_CASES` says otherwise.
pub fn histories_of_each(usual: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").map_or(usual, |cases| cases.parse().expect("a number"));
    // A failure becomes a test with a number, not a seed in a file.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Two hundred operations, give or take.
pub fn histories() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(any::<u64>(), 0..=400)
}

/// Takes one step after the other. A failure tells all that led to it.
pub fn replay<Op: Copy + Debug>(
    history: &[u64],
    meaning: impl Fn(Draw) -> Op,
    mut step: impl FnMut(Op) -> TestCaseResult,
) -> TestCaseResult {
    let ops: Vec<_> = history.iter().map(|number| meaning(Draw(*number))).collect();
    for (number, op) in ops.iter().enumerate() {
        step(*op).map_err(|error| TestCaseError::fail(format!("after {:#?}: {error}", &ops[..=number])))?;
    }
    Ok(())
}

/// One operation's share of randomness.
#[derive(Clone, Copy, Debug)]
pub struct Draw(pub u64);

impl Draw {
    pub fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.0 % bound;
        self.0 /= bound;
        drawn
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// One of those that are there.
    pub fn index(&mut self) -> Index {
        Index(self.below(64) as usize)
    }

    pub fn millis(&mut self, most: &[u64]) -> u64 {
        let most = self.one_of(most);
        self.below(most + 1)
    }
}

/// One of however many there are.
#[derive(Clone, Copy, Debug)]
pub struct Index(usize);

impl Index {
    pub fn of(self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.0 % len)
    }

    pub fn take<T>(self, from: &mut Vec<T>) -> Option<T> {
        self.of(from.len()).map(|index| from.remove(index))
    }
}

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
