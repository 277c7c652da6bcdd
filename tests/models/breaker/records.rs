//! What a breaker remembers of the calls of its present state, in lists.

use buttress::circuit_breaker::Window;

use super::millis;
use super::told::{Evidence, ranked};

#[derive(Clone, Copy, Debug)]
struct Recorded {
    at: u64,
    failed: bool,
    slow: bool,
}

#[derive(Default)]
pub struct Records {
    window: Vec<Recorded>,
    /// When the first bucket began, and the bucket seen last.
    start: Option<u64>,
    last_bucket: u64,
    /// When each of the failures since the last success came.
    in_a_row: Vec<u64>,
    /// Of all failures of this state, in their order.
    causes: Vec<&'static str>,
}

impl Records {
    /// Another state.
    pub fn forget(&mut self) {
        self.in_a_row.clear();
        self.causes.clear();
    }

    /// A window that begins now, or with the first call.
    pub fn begin(&mut self, start: Option<u64>) {
        self.window.clear();
        (self.start, self.last_bucket) = (start, 0);
    }

    pub fn forget_causes(&mut self) {
        self.causes.clear();
    }

    pub fn failed(&mut self, cause: Option<&'static str>) {
        self.causes.extend(cause);
    }

    pub fn record(&mut self, shape: Window, cause: Option<&'static str>, slow: bool, now: u64) {
        self.slide(shape, now);
        self.window.push(Recorded { at: now, failed: cause.is_some(), slow });
        self.failed(cause);
        if cause.is_some() {
            self.in_a_row.push(now);
        } else {
            self.in_a_row.clear();
        }
    }

    /// Lets go of what the window does not hold any more.
    fn slide(&mut self, shape: Window, now: u64) {
        match shape {
            Window::LastCalls(size) => {
                let surplus = self.window.len().saturating_sub(size as usize);
                self.window.drain(..surplus);
            }
            Window::Time { length, buckets } => {
                let (width, buckets) = (millis(length / buckets), u64::from(buckets));
                let start = *self.start.get_or_insert(now);
                let current = (now - start) / width;
                if current >= self.last_bucket + buckets {
                    // One that was forgotten begins anew.
                    self.begin(Some(now));
                } else {
                    self.last_bucket = current;
                    let oldest = (start + (current + 1) * width).saturating_sub(buckets * width);
                    self.window.retain(|call| call.at >= oldest);
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// For how long there were nothing but failures.
    pub fn failing_for(&self, now: u64) -> Option<u64> {
        self.in_a_row.first().map(|first| now - first)
    }

    pub fn latest_causes(&self, failures: u64) -> Vec<(&'static str, u64)> {
        ranked(self.causes.iter().rev().take(failures as usize).copied())
    }

    pub fn evidence(&mut self, shape: Window, now: u64) -> Evidence {
        self.slide(shape, now);
        let failures = self.window.iter().filter(|call| call.failed).count() as u64;
        Evidence {
            recorded: self.window.len() as u64,
            failures,
            slow: self.window.iter().filter(|call| call.slow).count() as u64,
            in_a_row: self.in_a_row.len() as u64,
            causes: self.latest_causes(failures),
        }
    }
}
