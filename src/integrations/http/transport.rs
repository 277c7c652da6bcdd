//! What the errors below an HTTP client mean: those of hyper, and of HTTP/2.

use std::error::Error;

use crate::verdict::Verdict;

/// What an error means if it is one of theirs and tells.
pub(crate) fn verdict_of(link: &(dyn Error + 'static)) -> Option<Verdict> {
    #[cfg(feature = "http2")]
    if let Some(error) = link.downcast_ref::<h2::Error>() {
        return of_http2(error);
    }
    #[cfg(any(feature = "hyper-util", feature = "reqwest"))]
    if let Some(error) = link.downcast_ref::<hyper::Error>() {
        if error.is_timeout() {
            return Some(Verdict::failure("timeout"));
        }
        // The connection ended where an answer should have come.
        return error.is_incomplete_message().then_some(Verdict::failure("reset"));
    }
    let _ = link;
    None
}

/// Whether the server says that it did not begin with the request.
#[cfg_attr(
    not(any(feature = "hyper-util", feature = "tonic-transport")),
    allow(dead_code, reason = "a client that follows redirects cannot tell of which request it was")
)]
pub(crate) fn was_refused(link: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "http2")]
    if let Some(error) = link.downcast_ref::<h2::Error>() {
        return is_refused(error) || is_leaving(error);
    }
    let _ = link;
    false
}

#[cfg(feature = "http2")]
fn of_http2(error: &h2::Error) -> Option<Verdict> {
    if is_refused(error) {
        return Some(Verdict::failure("refused"));
    }
    if is_leaving(error) {
        return Some(Verdict::ignored("goaway").repeatable(true));
    }
    error.is_remote().then_some(Verdict::failure("reset"))
}

/// More streams than it takes, or none any more: it says that it did nothing for this one.
#[cfg(feature = "http2")]
fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
}

/// It shuts down in good order, and this request came after the last one that it takes: nothing is wrong with it.
#[cfg(feature = "http2")]
fn is_leaving(error: &h2::Error) -> bool {
    error.is_remote() && error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
}
