use http::{HeaderMap, StatusCode};

use crate::integrations::grpc::verdict::{is_grpc, verdict_of_head, verdict_of_trailers};
use crate::verdict::Verdict;

/// A strategy that tells what an answer means from its head and its trailers, where a circuit breaker waits
/// [until the end of the body](super::UntilBodyEnd).
///
/// It is asked about answers that the layer's classifier takes for a success by their head.
pub trait ClassifyTrailers {
    /// What the head says; `None` if the trailers will tell.
    fn classify_head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Verdict>;

    /// What the trailers say, or that there were none.
    fn classify_trailers(&self, trailers: Option<&HeaderMap>) -> Verdict;
}

/// The default strategy: the status of gRPC, in responses whose content type is that of gRPC. All others are
/// what their head says, if they come to their end.
///
/// A gRPC response that ends without a status is a failure: who did not say that it is done may have died half-way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrpcTrailers;

impl ClassifyTrailers for GrpcTrailers {
    fn classify_head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Verdict> {
        if is_grpc(headers) { verdict_of_head(status, headers) } else { Some(Verdict::success()) }
    }

    fn classify_trailers(&self, trailers: Option<&HeaderMap>) -> Verdict {
        verdict_of_trailers(trailers)
    }
}
