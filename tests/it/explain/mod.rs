//! Stacks: what they give to their parts, and what they tell of themselves.

mod adoption;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
