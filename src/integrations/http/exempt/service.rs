use std::task::{Context, Poll};

use tower::Service;

use super::future::ExemptFuture;
use super::which::Exempts;
use crate::macros::ready_and_oneshot;

/// A service with a layer that does not apply to some requests. Made by an [`ExemptLayer`](super::ExemptLayer).
#[derive(Clone, Debug)]
pub struct ExemptService<L, S, P> {
    limited: L,
    /// Never readied here: each exempt request has a clone of its own.
    bare: S,
    exempt: P,
}

impl<L, S, P> ExemptService<L, S, P> {
    pub(super) fn new(limited: L, bare: S, exempt: P) -> Self {
        Self { limited, bare, exempt }
    }

    /// The service inside, without the layer.
    pub fn get_ref(&self) -> &S {
        &self.bare
    }

    /// The service inside, without the layer.
    pub fn into_inner(self) -> S {
        self.bare
    }
}

ready_and_oneshot!(ExemptService<L, S, P>, [L, S, P]);

impl<L, S, P, Req> Service<Req> for ExemptService<L, S, P>
where
    L: Service<Req, Response = S::Response, Error = S::Error> + Clone,
    S: Service<Req> + Clone,
    P: Exempts<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ExemptFuture<L::Future, S, Req>;

    // Which kind of request will come is not known yet. Readying both kinds would take up two places of a service
    // that reserves them, and with one place left wait for ever.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.limited.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        if !self.exempt.exempts(&request) {
            return ExemptFuture::limited(self.limited.call(request));
        }
        // It was readied for nothing. What is inside may have reserved a place for it, which this very request would
        // wait for: a clone has none.
        self.limited = self.limited.clone();
        ExemptFuture::exempt(self.bare.clone(), request)
    }
}
