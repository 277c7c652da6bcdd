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
        // The connection was closed before the request was on it. Clients try again by themselves if it was an old one, so
        // this is of a server that closes new ones.
        if error.is_canceled() {
            return Some(Verdict::failure("closed"));
        }
        // The connection ended where an answer should have come.
        return error.is_incomplete_message().then_some(Verdict::failure("reset"));
    }
    let _ = link;
    None
}

/// Whether hyper gave the request back instead of sending it, its own word for which is "canceled", or the server says
/// that it did not begin with it.
///
/// Only what failed itself is asked: further inside may be the error of another call, whose answer was to be the body
/// of this one.
#[cfg(feature = "hyper-util")]
pub(crate) fn was_handed_back(client: &hyper_util::client::legacy::Error) -> bool {
    let failed = client.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    failed.is_some_and(|failed| {
        failed.is_canceled() || !failed.is_user() && failed.source().is_some_and(was_refused)
    })
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
