use crate::attempt;

/// The number of the attempt that runs now: 1 for a first attempt, and outside of any retry; 2 and more while
/// a [`RetryLayer`](super::RetryLayer) or [`Retry::run`](super::Retry::run) repeats a call.
///
/// So an inner service, or whatever it calls in the same task, can write it into a log line or a header. Of
/// nested retries it is the innermost that counts. It does not follow `tokio::spawn`.
///
/// ```
/// use buttress::{Retry, RetryPolicy, retry};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let answer = Retry::new(RetryPolicy::default())
///     .run(|| async {
///         match retry::current_attempt() {
///             1 => Err(std::io::Error::other("busy")),
///             n => Ok(n),
///         }
///     })
///     .await;
/// assert_eq!(answer.unwrap(), 2);
/// assert_eq!(retry::current_attempt(), 1);
/// # }
/// ```
#[must_use]
pub fn current_attempt() -> u32 {
    attempt::current()
}
