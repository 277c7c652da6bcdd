//! What an error of unknown type means, from what is known along its chain of sources.

use std::error::Error;
use std::io;

#[cfg(feature = "reqwest")]
use crate::error::CallError;
use crate::reject::Rejected;
use crate::verdict::Verdict;

/// The error, and what it comes from.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An `io::Error` hides what it wraps: its `source()` is the source of that.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// The rejection that an error carries, whatever wraps it.
///
/// ```
/// use std::time::Duration;
/// use buttress::{BoxError, Timeout, find_rejected};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let timeout = Timeout::new(Duration::from_millis(10));
/// let boxed: BoxError = timeout.run(std::future::pending::<()>()).await.unwrap_err().into();
/// let wrapped = std::io::Error::other(boxed);
/// assert!(find_rejected(&wrapped).is_some());
/// # }
/// ```
#[must_use]
pub fn find_rejected<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Rejected> {
    chain(error).find_map(|link| link.downcast_ref::<Rejected>())
}

/// What an error of unknown type means, from what is known along its chain of sources: a rejection, whatever
/// it is wrapped in, else the outermost error that tells.
pub(super) fn verdict_of(error: &(dyn Error + 'static)) -> Verdict {
    let verdict = match find_rejected(error) {
        Some(rejected) => Verdict::from(*rejected),
        None => chain(error).find_map(known_link).unwrap_or(Verdict::failure("error")),
    };
    if never_left(error) {
        verdict.never_sent()
    } else if follows_redirects(error) {
        verdict.perhaps_sent()
    } else {
        verdict
    }
}

/// Whether the client itself says that it made no connection for this request, or did not send it on the one it
/// had, or the server that it did not begin with it.
///
/// Only the outermost error is asked: further inside, it may be a later step that found no connection, after an
/// earlier one took effect. For that reason a refused connection as such proves nothing.
fn never_left(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "hyper-util")]
    if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return client.is_connect() || crate::integrations::http::transport::was_handed_back(client);
    }
    #[cfg(feature = "tonic-transport")]
    if error.is::<tonic::transport::Error>() {
        let was_refused = crate::integrations::http::transport::was_refused;
        return chain(error).any(|link| link.is::<tonic::ConnectError>() || was_refused(link));
    }
    let _ = error;
    false
}

/// Whether what failed may have been a second request, after the first one took effect: `reqwest` does not tell. Then
/// nothing inside proves that nothing was sent, be it a refused connection or a rejection by a layer around its
/// connector.
fn follows_redirects(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "reqwest")]
    return chain(error).any(|link| {
        // Its source is that of the error inside, which is not a link itself.
        let call = link.downcast_ref::<CallError<reqwest::Error>>();
        link.is::<reqwest::Error>() || matches!(call, Some(CallError::Inner(_)))
    });
    #[cfg(not(feature = "reqwest"))]
    {
        let _ = error;
        false
    }
}

fn known_link(link: &(dyn Error + 'static)) -> Option<Verdict> {
    #[cfg(feature = "hyper-util")]
    if let Some(error) = link.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Verdict::failure("connect"));
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = link.downcast_ref::<reqwest::Error>() {
        if error.is_connect() {
            return Some(Verdict::failure("connect"));
        }
        return error.is_timeout().then_some(Verdict::failure("timeout"));
    }
    #[cfg(feature = "grpc")]
    if let Some(verdict) = crate::integrations::grpc::error::verdict_of(link) {
        return Some(verdict);
    }
    #[cfg(feature = "http")]
    if let Some(verdict) = crate::integrations::http::transport::verdict_of(link) {
        return Some(verdict);
    }
    link.downcast_ref::<io::Error>().and_then(|error| match error.kind() {
        io::ErrorKind::TimedOut => Some(Verdict::failure("timeout")),
        io::ErrorKind::ConnectionRefused => Some(Verdict::failure("connect")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some(Verdict::failure("reset"))
        }
        _ => None,
    })
}
