//! How many random cases a test runs.

use proptest::prelude::ProptestConfig;

/// So many, unless `PROPTEST_CASES` says otherwise.
pub(crate) fn of_each(usual: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").map_or(usual, |cases| cases.parse().expect("a number"));
    ProptestConfig { cases, ..ProptestConfig::default() }
}
