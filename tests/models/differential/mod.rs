//! Beside others on the same script, where they mean the same: tower's own layers, and governor.

mod bulkhead;
mod governor;
mod rate_limit;
mod retry;
mod timeout;
