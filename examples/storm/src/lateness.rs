//! How late the demo itself is: above a few milliseconds its figures tell of the machine, not of layers.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

/// How late a run was, in ms: 99th percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Late {
    /// Calls, against the time when they were due.
    pub users: f64,
    /// The threads of the servers, when they wanted to run.
    pub servers: f64,
}

impl Late {
    const USERS: f64 = 5.0;
    /// The time that the upstream works on a request.
    const SERVERS: f64 = 20.0;

    pub fn is_void(self) -> bool {
        self.users > Self::USERS || self.servers > Self::SERVERS
    }

    /// The worse of each.
    pub fn or(self, other: Self) -> Self {
        Self { users: self.users.max(other.users), servers: self.servers.max(other.servers) }
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { users, servers } = self;
        write!(
            f,
            "the demo itself was late by {users:.1} ms with calls and {servers:.1} ms with serving them, at p99"
        )?;
        if self.is_void() {
            write!(f, "; above {} and {} ms its figures say nothing", Self::USERS, Self::SERVERS)?;
        }
        Ok(())
    }
}

/// Delays between when something was due and when it was done.
#[derive(Debug)]
pub struct Lateness(Mutex<Histogram<u64>>);

impl Default for Lateness {
    fn default() -> Self {
        // Microseconds up to a minute with three digits: always valid.
        Self(Mutex::new(Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds are valid")))
    }
}

impl Lateness {
    pub fn record(&self, late: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
    }

    /// The 99th percentile in ms.
    pub fn p99(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).value_at_quantile(0.99) as f64 / 1e3
    }

    /// Measures the runtime it runs on until it is dropped: a server that is kept from its work by the
    /// machine looks like one that fails.
    pub async fn watch(&self, start: Instant) {
        let mut due = start;
        loop {
            due += Duration::from_millis(10);
            sleep_until(due).await;
            self.record(Instant::now() - due);
        }
    }
}
