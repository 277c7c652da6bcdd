//! Breakers and bulkheads per key.

mod breaker;
mod bulkhead;
mod modes;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
