use std::borrow::Cow;
use std::fmt;

use http::Request;

use crate::sync::Arc;

/// A strategy that tells which requests a layer does not apply to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell which requests of type `{Req}` are exempt",
    note = "paths are for `http::Request`; for others: `ExemptLayer::when(layer, |request: &{Req}| ..)`"
)]
pub trait Exempts<Req> {
    /// Whether the layer does not apply to this request.
    fn exempts(&self, request: &Req) -> bool;
}

/// The strategy of a list of paths, made by [`ExemptLayer::new`](super::ExemptLayer::new).
#[derive(Clone, Debug)]
pub struct ExemptPaths(Arc<[Cow<'static, str>]>);

impl ExemptPaths {
    pub(super) fn new<P: Into<Cow<'static, str>>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

impl<B> Exempts<Request<B>> for ExemptPaths {
    fn exempts(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        self.0.iter().any(
            |exempt| {
                if exempt.ends_with('/') { path.starts_with(&**exempt) } else { path == exempt }
            },
        )
    }
}

/// The strategy of a closure, made by [`ExemptLayer::when`](super::ExemptLayer::when).
#[derive(Clone, Copy)]
pub struct ExemptWhen<F>(pub(super) F);

impl<F: Fn(&Req) -> bool, Req> Exempts<Req> for ExemptWhen<F> {
    fn exempts(&self, request: &Req) -> bool {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for ExemptWhen<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExemptWhen({})", std::any::type_name::<F>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_exempt_as_it_stands_and_all_below_one_that_ends_in_a_slash() {
        let paths = ExemptPaths::new(["/healthz", "/internal/"]);
        for (uri, expected) in [
            ("/healthz", true),
            ("/healthz?verbose", true),
            ("http://example.com/healthz", true),
            ("/healthz/", false),
            ("/healthz/orders", false),
            ("/healthzz", false),
            ("//healthz", false),
            ("/orders/healthz", false),
            ("/orders?/healthz", false),
            ("/Healthz", false),
            ("/internal/", true),
            ("/internal/metrics", true),
            ("/internal", false),
            ("/", false),
        ] {
            assert_eq!(paths.exempts(&Request::get(uri).body(()).unwrap()), expected, "{uri}");
        }
        assert!(!ExemptPaths::new::<String>([]).exempts(&Request::new(())));
    }
}
