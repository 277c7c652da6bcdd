//! Puts layers for HTTP through the suite: around them numbers become requests, and bodies numbers, without an
//! allocation.

use std::convert::Infallible;
use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

#[derive(Clone, Debug)]
pub struct OverHttp<L>(pub L);

impl<S, L: Layer<ToHttp<S>>> Layer<S> for OverHttp<L> {
    type Service = FromHttp<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        FromHttp(self.0.layer(ToHttp(inner)))
    }
}

/// Eight bytes, in one frame.
#[derive(Debug, Default)]
pub struct Number(Option<u64>);

/// For layers that have something to say, which nobody of these tests asks for.
impl From<Bytes> for Number {
    fn from(_: Bytes) -> Self {
        Self(None)
    }
}

impl Body for Number {
    type Data = Cursor<[u8; 8]>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Ready(self.0.take().map(|number| Ok(Frame::data(Cursor::new(number.to_be_bytes())))))
    }
}

/// A service of HTTP, of one of numbers.
#[derive(Clone, Debug)]
pub struct ToHttp<S>(S);

impl<S: Service<u64, Response = u64>> Service<Request<u64>> for ToHttp<S> {
    type Response = Response<Number>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<u64>) -> Self::Future {
        Answer { number: self.0.call(request.into_body()) }
    }
}

pin_project! {
    pub struct Answer<F> {
        #[pin]
        number: F,
    }
}

impl<F: Future<Output = Result<u64, E>>, E> Future for Answer<F> {
    type Output = Result<Response<Number>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().number.poll(cx).map_ok(|number| Response::new(Number(Some(number))))
    }
}

/// A service of numbers, of one of HTTP.
#[derive(Clone, Debug)]
pub struct FromHttp<S>(S);

impl<S, B> Service<u64> for FromHttp<S>
where
    S: Service<Request<u64>, Response = Response<B>>,
    B: Body<Data = Cursor<[u8; 8]>, Error = Infallible>,
{
    type Response = u64;
    type Error = S::Error;
    type Future = Read<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        Read { head: self.0.call(Request::new(request)), body: None, number: None }
    }
}

pin_project! {
    /// Waits for the head, and then reads the body to its end.
    pub struct Read<F, B> {
        #[pin]
        head: F,
        #[pin]
        body: Option<B>,
        number: Option<u64>,
    }
}

impl<F, B, E> Future for Read<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Cursor<[u8; 8]>, Error = Infallible>,
{
    type Output = Result<u64, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.body.is_none() {
            this.body.set(Some(ready!(this.head.poll(cx))?.into_body()));
        }
        while let Some(body) = this.body.as_mut().as_pin_mut() {
            match ready!(body.poll_frame(cx)) {
                Some(Ok(frame)) => *this.number = frame.into_data().ok().map(|mut data| data.get_u64()),
                None => this.body.set(None),
            }
        }
        Poll::Ready(Ok(this.number.expect("a number for an answer")))
    }
}
