//! How a server that cannot fail answers a rejected call.

use std::convert::Infallible;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use super::retry_after::whole_seconds;
use crate::reject::{Convert, OnReject, Rejected, RejectedKind};
use crate::rng::Rng;
use crate::sync::OnceLock;

/// Servers such as axum's never return an error, so a rejection is a response: an empty body, a status,
/// a `Retry-After`, and the [`Rejected`] in its extensions for the layers around, such as
/// [`ProblemJsonLayer`](super::ProblemJsonLayer). Names and internals stay off the wire.
///
/// Never write `From<Rejected> for Infallible`: this impl stands beside the one for errors because that
/// one cannot exist anywhere else.
impl<B: Default> OnReject<Response<B>, Infallible> for Convert {
    fn on_reject(&self, rejected: Rejected) -> Result<Response<B>, Infallible> {
        let mut response = Response::new(B::default());
        *response.status_mut() = status(rejected.kind());
        if let Some(wait) = stay_away(&rejected) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response.extensions_mut().insert(rejected);
        Ok(response)
    }
}

fn status(kind: RejectedKind) -> StatusCode {
    match kind {
        RejectedKind::RateLimited | RejectedKind::CostAboveBurst => StatusCode::TOO_MANY_REQUESTS,
        RejectedKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        RejectedKind::CircuitOpen
        | RejectedKind::BulkheadFull
        | RejectedKind::QueueFull
        | RejectedKind::QueueTimeout
        | RejectedKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What the caller of a rejected call is told in words: ASCII, and without a name, since it goes over the wire.
pub(crate) fn words(kind: RejectedKind) -> &'static str {
    match kind {
        RejectedKind::CircuitOpen => "not available for the time being",
        RejectedKind::BulkheadFull | RejectedKind::QueueFull => "too many calls at once",
        RejectedKind::QueueTimeout => "waited too long for its turn",
        RejectedKind::RateLimited => "rate limit exceeded",
        RejectedKind::CostAboveBurst => "call exceeds the quota",
        RejectedKind::TimedOut => "timed out",
        RejectedKind::NotReady => "not ready",
    }
}

/// How long the caller of a rejected call should stay away; `None` if no wait makes room for it.
///
/// A rate limit knows to the nanosecond when there is room again, and its caller is told exactly that.
/// Everyone else is spread, so that a thousand clients do not come back in the same second.
pub(crate) fn stay_away(rejected: &Rejected) -> Option<Duration> {
    const AT_LEAST: Duration = Duration::from_secs(1);
    const SPREAD: Duration = Duration::from_secs(2);
    let wait = rejected.retry_after().unwrap_or(AT_LEAST);
    match rejected.kind() {
        RejectedKind::CostAboveBurst => None,
        RejectedKind::RateLimited => Some(wait),
        // Sums of hours in a `Duration` cannot overflow; what a caller of ours set may.
        _ => Some(wait.saturating_add(wait.clamp(SPREAD, Duration::from_secs(60)).mul_f64(jitter()))),
    }
}

fn jitter() -> f64 {
    static RNG: OnceLock<Rng> = OnceLock::new();
    RNG.get_or_init(|| Rng::new(None)).unit()
}

#[cfg(all(test, feature = "bulkhead"))]
mod tests {
    use super::*;
    use crate::name::Name;
    use crate::reject::Source;

    #[test]
    fn each_kind_has_its_status_and_tells_when_to_come_back() {
        use RejectedKind::*;
        for (kind, status, waits) in [
            (CircuitOpen, 503, true),
            (BulkheadFull, 503, true),
            (QueueFull, 503, true),
            (QueueTimeout, 503, true),
            (NotReady, 503, true),
            (RateLimited, 429, true),
            (CostAboveBurst, 429, false),
            (TimedOut, 504, true),
        ] {
            for wait in [None, Some(Duration::from_nanos(1)), Some(Duration::from_secs(5))] {
                let rejected = Rejected::unsent(kind, Source::Bulkhead, Name::from("secret").into(), wait);
                let Ok(response) = OnReject::<Response<String>, Infallible>::on_reject(&Convert, rejected);
                assert_eq!(response.status(), status, "{kind:?}");
                let told = response.headers().get(RETRY_AFTER).map(|told| told.to_str().unwrap());
                assert_eq!(told.is_some(), waits, "{kind:?}");
                // What a time-out tells is its limit, and no wait.
                let least = rejected.retry_after().map_or(1, whole_seconds);
                assert!(told.is_none_or(|told| told.parse::<u64>().unwrap() >= least), "{kind:?} {told:?}");
                assert!(!format!("{:?}", response.headers()).contains("secret"));
                assert!(response.body().is_empty());
            }
        }
    }
}
