//! What an HTTP response means.

use http::{Extensions, HeaderMap, Response, StatusCode};

use super::retry_after::retry_after;
use crate::classify::Answer;
use crate::reject::Rejected;
use crate::verdict::Verdict;

/// By status, on clients and servers alike; a rejection that one of our layers rendered as a response
/// is told by the [`Rejected`] in its extensions.
impl<B> Answer for Response<B> {
    fn verdict(&self) -> Verdict {
        of_response(self.status(), self.headers(), self.extensions())
    }

    fn mark_degraded(&mut self) {
        self.extensions_mut().insert(Degraded);
    }
}

/// As for an `http::Response`.
#[cfg(feature = "reqwest")]
impl Answer for reqwest::Response {
    fn verdict(&self) -> Verdict {
        of_response(self.status(), self.headers(), self.extensions())
    }

    fn mark_degraded(&mut self) {
        self.extensions_mut().insert(Degraded);
    }
}

/// In the extensions of a response that a fallback gave in place of the service's own, for the layers and
/// handlers around. It is not sent over the wire.
///
/// ```
/// use std::convert::Infallible;
/// use buttress::{Degraded, FallbackLayer};
/// use http::Response;
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let page = service_fn(|_: u64| async {
///     Ok::<_, Infallible>(Response::builder().status(500).body("sorry").unwrap())
/// });
/// let service = FallbackLayer::value(Response::new("an older page")).layer(page);
/// let response = service.oneshot(1).await.unwrap();
/// assert_eq!(*response.body(), "an older page");
/// assert!(response.extensions().get::<Degraded>().is_some());
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Degraded;

fn of_response(status: StatusCode, headers: &HeaderMap, extensions: &Extensions) -> Verdict {
    match extensions.get::<Rejected>() {
        Some(rejected) => Verdict::from(*rejected),
        None => of_head(status, headers),
    }
}

fn of_head(status: StatusCode, headers: &HeaderMap) -> Verdict {
    let verdict = of_status(status);
    // Headers are looked at only where waiting is in question.
    if verdict.may_repeat() {
        return retry_after(headers).map_or(verdict, |wait| verdict.after(wait));
    }
    verdict
}

fn of_status(status: StatusCode) -> Verdict {
    match status.as_u16() {
        429 => Verdict::throttled().with_cause("429"),
        408 => Verdict::ignored("408").repeatable(true),
        425 => Verdict::ignored("425").repeatable(true),
        502 => Verdict::failure("502"),
        503 => Verdict::failure("503"),
        504 => Verdict::failure("504"),
        // "Not implemented" and "HTTP version not supported" are said by a server in good health.
        501 | 505 => Verdict::success(),
        // A 500 may have done half of its work, and most repeat exactly.
        500 => Verdict::failure("500").repeatable(false),
        506.. => Verdict::failure("5xx").repeatable(false),
        _ => Verdict::success(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Outcome;

    #[test]
    fn each_status_has_its_meaning() {
        use Outcome::{Failure, Ignored, Success, Throttled};
        let table = [
            (200, Success, false),
            (302, Success, false),
            (400, Success, false),
            (404, Success, false),
            (408, Ignored, true),
            (425, Ignored, true),
            (429, Throttled, true),
            (500, Failure, false),
            (501, Success, false),
            (502, Failure, true),
            (503, Failure, true),
            (504, Failure, true),
            (505, Success, false),
            (507, Failure, false),
            (599, Failure, false),
        ];
        for (status, outcome, repeat) in table {
            let verdict = Response::builder().status(status).body(()).unwrap().verdict();
            assert_eq!((verdict.outcome(), verdict.may_repeat()), (outcome, repeat), "{status}");
        }
    }
    /// The status of gRPC is for who asks for it, by [`Grpc`](crate::grpc::Grpc): `ByType` is for all of HTTP, where a 200
    /// is a success whatever headers it has.
    #[test]
    fn a_status_of_grpc_in_a_good_answer_is_not_looked_at() {
        let answer = Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "14")
            .body(())
            .unwrap();
        assert_eq!(answer.verdict(), Verdict::success());
    }

    #[cfg(feature = "bulkhead")]
    #[test]
    fn a_rejection_in_the_extensions_decides_and_not_the_status() {
        let bulkhead = crate::Bulkhead::new(1);
        let _held = bulkhead.try_admit().unwrap();
        let rejected = bulkhead.try_admit().unwrap_err();
        let mut response = Response::builder().status(503).body("").unwrap();
        assert_eq!(response.verdict().outcome(), Outcome::Failure);
        response.extensions_mut().insert(rejected);
        assert_eq!(response.verdict(), Verdict::from(rejected));
        assert_eq!(response.verdict().outcome(), Outcome::Ignored);
        #[cfg(feature = "reqwest")]
        assert_eq!(reqwest::Response::from(response).verdict(), Verdict::from(rejected));
    }
}
