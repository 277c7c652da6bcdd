use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Response};
use http_body::Body;
use tower::Service;

use super::body::{HeldBody, Hold};
use super::layer::{UntilBodyEnd, UntilBodyEndFuture, UntilBodyEndService};
use super::trailers::{ClassifyTrailers, GrpcTrailers};
use crate::circuit_breaker::Settle;
use crate::circuit_breaker::{
    CircuitBreakerFuture, CircuitBreakerLayer, CircuitBreakerService, CircuitPermit,
};
use crate::classify::Classify;
use crate::held::Held;
use crate::reject::OnReject;
use crate::verdict::{Outcome, Verdict};

impl<C, R> CircuitBreakerLayer<C, R> {
    /// Judges calls at the end of the response's body. See [`UntilBodyEnd`].
    pub fn until_body_end(self) -> UntilBodyEnd<Self, GrpcTrailers> {
        UntilBodyEnd { layer: self, trailers: GrpcTrailers }
    }
}

impl<C, R, T> UntilBodyEnd<CircuitBreakerLayer<C, R>, T> {
    /// What trailers mean. By default [`GrpcTrailers`].
    pub fn trailers<T2: ClassifyTrailers>(self, trailers: T2) -> UntilBodyEnd<CircuitBreakerLayer<C, R>, T2> {
        UntilBodyEnd { layer: self.layer, trailers }
    }
}

/// A circuit breaker's permit until the end of a body.
pub struct CircuitHold<T> {
    permit: Option<CircuitPermit>,
    /// If they tell what the answer means.
    trailers: Option<T>,
}

impl<T> CircuitHold<T> {
    fn settle(&mut self, verdict: Verdict) {
        if let Some(permit) = self.permit.take() {
            permit.settle(verdict);
        }
    }
}

impl<T: ClassifyTrailers> Hold for CircuitHold<T> {
    fn end(&mut self, trailers: Option<&HeaderMap>) {
        let verdict = match &self.trailers {
            Some(strategy) => strategy.classify_trailers(trailers),
            None => Verdict::success(),
        };
        self.settle(verdict);
    }

    fn fail(&mut self) {
        self.settle(Verdict::failure("body"));
    }
}

impl<T> Drop for CircuitHold<T> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.give_up();
        }
    }
}

impl<T> fmt::Debug for CircuitHold<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitHold").field("permit", &self.permit).finish_non_exhaustive()
    }
}

/// Settles a call whose head is there, or hands its permit on to the body.
fn settle<B, E, C, T>(
    classify: &C,
    trailers: &T,
    result: Result<Response<B>, E>,
    held: Held<'_, CircuitPermit>,
) -> Result<Response<HeldBody<B, CircuitHold<T>>>, E>
where
    B: Body,
    C: Classify<Response<B>, E>,
    T: ClassifyTrailers + Clone,
{
    let verdict = classify.classify(result.as_ref());
    let by_head = match &result {
        Ok(response) if verdict.outcome() == Outcome::Success => {
            trailers.classify_head(response.status(), response.headers())
        }
        _ => Some(verdict),
    };
    // What is no success is one for good, even if nobody reads the body: a retry does not.
    let is_open = by_head.is_none_or(|verdict| verdict.outcome() == Outcome::Success);
    match result {
        Ok(response) if is_open && !response.body().is_end_stream() => {
            let mut permit = held.take();
            permit.iter_mut().for_each(Settle::note_pending);
            let hold = CircuitHold { permit, trailers: by_head.is_none().then(|| trailers.clone()) };
            Ok(response.map(|body| HeldBody::new(body, Some(hold))))
        }
        result => {
            let verdict = by_head.unwrap_or_else(|| trailers.classify_trailers(None));
            held.end(|permit| permit.settle_in_place(&verdict));
            Ok(result?.map(|body| HeldBody::new(body, None)))
        }
    }
}

impl<S, C, R, T, Req, B> Service<Req> for UntilBodyEndService<CircuitBreakerService<S, C, R>, T>
where
    S: Service<Req, Response = Response<B>>,
    B: Body,
    C: Classify<Response<B>, S::Error> + Clone,
    R: OnReject<Response<HeldBody<B, CircuitHold<T>>>, S::Error> + Clone,
    T: ClassifyTrailers + Clone,
{
    type Response = Response<HeldBody<B, CircuitHold<T>>>;
    type Error = S::Error;
    type Future = UntilBodyEndFuture<CircuitBreakerFuture<S::Future, C, R>, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_admission(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        UntilBodyEndFuture { future: self.service.send(request), trailers: self.trailers.clone() }
    }
}

impl<F, C, R, T, B, E> Future for UntilBodyEndFuture<CircuitBreakerFuture<F, C, R>, T>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    C: Classify<Response<B>, E>,
    R: OnReject<Response<HeldBody<B, CircuitHold<T>>>, E>,
    T: ClassifyTrailers + Clone,
{
    type Output = Result<Response<HeldBody<B, CircuitHold<T>>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let settle = |classify: &C, result, held: Held<'_, CircuitPermit>| {
            settle(classify, this.trailers, result, held)
        };
        this.future.poll_unsettled(cx, settle, R::on_reject)
    }
}
