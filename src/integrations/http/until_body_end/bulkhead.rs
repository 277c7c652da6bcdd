use std::fmt::Debug;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Response};
use http_body::Body;
use tower::Service;

use super::body::{HeldBody, Hold};
use super::layer::{Heads, UntilBodyEnd, UntilBodyEndFuture, UntilBodyEndService};
use crate::bulkhead::{
    BulkheadFuture, BulkheadLayer, BulkheadPermit, BulkheadService, KeyedBulkheadLayer, KeyedBulkheadService,
    KeyedQueuedBulkheadService, QueuedBulkheadFuture, QueuedBulkheadService, Sent,
};
use crate::key::KeyOf;
use crate::reject::OnReject;

impl<M, R> BulkheadLayer<M, R> {
    /// Holds the permit until the end of the response's body. See [`UntilBodyEnd`].
    pub fn until_body_end(self) -> UntilBodyEnd<Self> {
        UntilBodyEnd { layer: self, trailers: Heads }
    }
}

impl<K, M, R> KeyedBulkheadLayer<K, M, R> {
    /// Holds the permit until the end of the response's body. See [`UntilBodyEnd`].
    pub fn until_body_end(self) -> UntilBodyEnd<Self> {
        UntilBodyEnd { layer: self, trailers: Heads }
    }
}

impl Hold for BulkheadPermit {
    fn end(&mut self, _: Option<&HeaderMap>) {
        self.complete_in_place();
    }

    fn fail(&mut self) {
        self.complete_in_place();
    }
}

/// Polls what was sent, and hands its permit on to the body.
fn poll_sent<F, B, E>(
    sent: Pin<&mut Sent<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<Response<HeldBody<B, BulkheadPermit>>, E>>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    sent.poll_held(cx).map(|(result, permit)| {
        let mut permit = permit;
        let is_over = result.as_ref().map_or(true, |response| response.body().is_end_stream());
        if is_over && let Some(permit) = permit.take() {
            permit.complete();
        }
        Ok(result?.map(|body| HeldBody::new(body, permit)))
    })
}

macro_rules! service {
    ([$($generic:ident),*] $service:ty => $future:ty, [$($bound:tt)*]) => {
        impl<$($generic,)* Req, B> Service<Req> for UntilBodyEndService<$service, Heads>
        where
            S: Service<Req, Response = Response<B>>,
            B: Body,
            R: OnReject<Response<HeldBody<B, BulkheadPermit>>, S::Error> + Clone,
            $($bound)*
        {
            type Response = Response<HeldBody<B, BulkheadPermit>>;
            type Error = S::Error;
            type Future = UntilBodyEndFuture<$future, Heads>;

            fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
                self.service.poll_admission(cx)
            }

            fn call(&mut self, request: Req) -> Self::Future {
                UntilBodyEndFuture { future: self.service.send(request), trailers: Heads }
            }
        }
    };
}

service!([S, R] BulkheadService<S, R> => BulkheadFuture<S::Future, R>, []);
service!([S, R] QueuedBulkheadService<S, R> => QueuedBulkheadFuture<S, Req, S::Future, R>, [S: Clone]);
service!(
    [S, K, R] KeyedBulkheadService<S, K, R> => BulkheadFuture<S::Future, R>,
    [K: KeyOf<Req, Key: Debug>]
);
service!(
    [S, K, R] KeyedQueuedBulkheadService<S, K, R> => QueuedBulkheadFuture<S, Req, S::Future, R>,
    [S: Clone, K: KeyOf<Req, Key: Debug>]
);

impl<F, R, B, E> Future for UntilBodyEndFuture<BulkheadFuture<F, R>, Heads>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    R: OnReject<Response<HeldBody<B, BulkheadPermit>>, E>,
{
    type Output = Result<Response<HeldBody<B, BulkheadPermit>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll_by(cx, poll_sent, R::on_reject)
    }
}

impl<S, Req, R, B> Future for UntilBodyEndFuture<QueuedBulkheadFuture<S, Req, S::Future, R>, Heads>
where
    S: Service<Req, Response = Response<B>> + Clone,
    B: Body,
    R: OnReject<Response<HeldBody<B, BulkheadPermit>>, S::Error>,
{
    type Output = Result<Response<HeldBody<B, BulkheadPermit>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll_by(cx, poll_sent, R::on_reject)
    }
}
