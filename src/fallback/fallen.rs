use crate::verdict::Verdict;

/// What a fallback is asked about: the service's own result, and what it means.
///
/// ```
/// use buttress::{BoxError, FallbackLayer, Fallen};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = FallbackLayer::with(|fallen: Fallen<String, BoxError>| {
///     Ok(format!("stale, because of: {}", fallen.verdict().cause()))
/// });
/// let service = layer.layer(service_fn(|_: u64| async { Err::<String, _>(BoxError::from("down")) }));
/// assert_eq!(service.oneshot(1).await.unwrap(), "stale, because of: error");
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fallen<Res, E> {
    verdict: Verdict,
    result: Option<Result<Res, E>>,
}

impl<Res, E> Fallen<Res, E> {
    pub(super) const fn new(verdict: Verdict, result: Result<Res, E>) -> Self {
        Self { verdict, result: Some(result) }
    }

    /// The call came without readiness, and there is no result.
    pub(super) const fn unready() -> Self {
        Self { verdict: Verdict::ignored("not_ready").never_sent(), result: None }
    }

    /// What the result means: its cause, whether the call was sent, the rejection behind it.
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The service's own result; none if the call came without readiness and was never made.
    pub const fn result(&self) -> Option<&Result<Res, E>> {
        self.result.as_ref()
    }

    /// The service's own result, to pass it on; none if the call came without readiness and was never made.
    pub fn into_result(self) -> Option<Result<Res, E>> {
        self.result
    }
}
