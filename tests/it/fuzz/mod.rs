//! Any bytes, read as settings, as headers, and as operations: nothing panics, what is wrong is refused by name, and
//! the laws hold.
//!
//! `tests/fuzz.sh` looks for bytes that reach something new, from outside of this crate; those in `tests/corpus` are
//! replayed here with the other tests.

mod documented;
pub mod headers;
mod input;
mod laws;
pub mod operations;
#[cfg(test)]
mod replay;
pub mod settings;
mod traffic;

/// Runs it on a clock of its own that stands still unless it is moved.
fn paused(work: impl Future) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("it needs nothing of the system").block_on(work);
}
