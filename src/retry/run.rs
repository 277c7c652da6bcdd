use super::decision::Standing;
use super::engine::Retry;
use super::future::settle;
use crate::attempt;
use crate::classify::{Answer, ByType, Classify, Fault};
use crate::clock;

impl Retry {
    /// Runs `work` until its result is not to be repeated: without tower, for what may be repeated.
    ///
    /// # Errors
    ///
    /// The last error, or the last one that was sent if the last attempt was not.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the attempt or the wait; nothing stays behind.
    pub async fn run<T, E, F>(&self, work: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        T: Answer,
        E: Fault,
    {
        self.run_by(&ByType, work).await
    }

    /// The same, with a strategy that tells what results mean.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn run_by<T, E, F, C>(&self, classify: &C, mut work: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let budget = self.any_budget();
        let mut standing = Standing { sent: 1, copied: true, repeatable: true, backoff: None };
        let mut last_sent = None;
        self.first();
        loop {
            let result = attempt::scope(standing.sent, &mut work).await;
            let verdict = classify.classify(result.as_ref());
            let Some(pause) = self.after(&budget, &verdict, standing) else {
                return settle(result, &verdict, last_sent);
            };
            if verdict.was_sent() {
                last_sent = Some(result);
            }
            clock::sleep_until(pause.until).await;
            if self.is_off()
                && let Some(last_sent) = last_sent
            {
                return last_sent;
            }
            standing = Standing { sent: standing.sent.saturating_add(1), backoff: pause.backoff, ..standing };
            self.again(pause.ticket);
        }
    }
}
