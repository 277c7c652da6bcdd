use std::fmt::{self, Debug};
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
    KeyedCircuitBreakerLayer, KeyedCircuitBreakerService, KeyedCircuitPermit,
};
use crate::classify::Classify;
use crate::held::Held;
use crate::key::KeyOf;
use crate::reject::OnReject;
use crate::verdict::{Outcome, Verdict};

macro_rules! layers {
    ($($layer:ident<$($generic:ident),*>)*) => { $(
        impl<$($generic),*> $layer<$($generic),*> {
            /// Judges calls at the end of the response's body. See [`UntilBodyEnd`].
            pub fn until_body_end(self) -> UntilBodyEnd<Self, GrpcTrailers> {
                UntilBodyEnd { layer: self, trailers: GrpcTrailers }
            }
        }

        impl<$($generic,)* T> UntilBodyEnd<$layer<$($generic),*>, T> {
            /// What trailers mean. By default [`GrpcTrailers`].
            pub fn trailers<T2: ClassifyTrailers>(
                self,
                trailers: T2,
            ) -> UntilBodyEnd<$layer<$($generic),*>, T2> {
                UntilBodyEnd { layer: self.layer, trailers }
            }
        }
    )* };
}

layers!(CircuitBreakerLayer<C, R> KeyedCircuitBreakerLayer<K, C, R>);

/// A circuit breaker's permit until the end of a body.
pub struct CircuitHold<T, P: Settle = CircuitPermit> {
    permit: Option<P>,
    /// If they tell what the answer means.
    trailers: Option<T>,
}

impl<T, P: Settle> CircuitHold<T, P> {
    fn settle(&mut self, verdict: &Verdict) {
        if let Some(mut permit) = self.permit.take() {
            permit.settle_in_place(verdict);
        }
    }
}

impl<T: ClassifyTrailers, P: Settle> Hold for CircuitHold<T, P> {
    fn end(&mut self, trailers: Option<&HeaderMap>) {
        let verdict = match &self.trailers {
            Some(strategy) => strategy.classify_trailers(trailers),
            None => Verdict::success(),
        };
        self.settle(&verdict);
    }

    fn fail(&mut self) {
        self.settle(&Verdict::failure("body"));
    }
}

impl<T, P: Settle> Drop for CircuitHold<T, P> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.give_up();
        }
    }
}

impl<T, P: Settle> Debug for CircuitHold<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitHold").field("is_held", &self.permit.is_some()).finish_non_exhaustive()
    }
}

type Answer<B, T, P> = Response<HeldBody<B, CircuitHold<T, P>>>;

/// Settles a call whose head is there, or hands its permit on to the body.
fn settle<B, E, C, T, P>(
    classify: &C,
    trailers: &T,
    result: Result<Response<B>, E>,
    held: Held<'_, P>,
) -> Result<Answer<B, T, P>, E>
where
    B: Body,
    C: Classify<Response<B>, E>,
    T: ClassifyTrailers + Clone,
    P: Settle,
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

macro_rules! service {
    ([$($generic:ident),*] $service:ty, $permit:ty, [$($bound:tt)*]) => {
        impl<$($generic,)* T, Req, B> Service<Req> for UntilBodyEndService<$service, T>
        where
            S: Service<Req, Response = Response<B>>,
            B: Body,
            C: Classify<Response<B>, S::Error> + Clone,
            R: OnReject<Answer<B, T, $permit>, S::Error> + Clone,
            T: ClassifyTrailers + Clone,
            $($bound)*
        {
            type Response = Answer<B, T, $permit>;
            type Error = S::Error;
            type Future = UntilBodyEndFuture<CircuitBreakerFuture<S::Future, C, R, $permit>, T>;

            fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
                self.service.poll_admission(cx)
            }

            fn call(&mut self, request: Req) -> Self::Future {
                UntilBodyEndFuture { future: self.service.send(request), trailers: self.trailers.clone() }
            }
        }
    };
}

service!([S, C, R] CircuitBreakerService<S, C, R>, CircuitPermit, []);
service!(
    [S, K, C, R] KeyedCircuitBreakerService<S, K, C, R>,
    KeyedCircuitPermit,
    [K: KeyOf<Req, Key: Debug>]
);

impl<F, C, R, T, P, B, E> Future for UntilBodyEndFuture<CircuitBreakerFuture<F, C, R, P>, T>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    C: Classify<Response<B>, E>,
    R: OnReject<Answer<B, T, P>, E>,
    T: ClassifyTrailers + Clone,
    P: Settle,
{
    type Output = Result<Answer<B, T, P>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let settle = |classify: &C, result, held: Held<'_, P>| settle(classify, this.trailers, result, held);
        this.future.poll_unsettled(cx, settle, R::on_reject)
    }
}
