//! Breakers and bulkheads per key.

mod breaker;
mod bulkhead;
mod modes;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// How long a key looks in vain for all others.
const MILLISECOND: Duration = Duration::from_millis(1);
