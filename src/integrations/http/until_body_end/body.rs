use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::held::Held;

/// What a [`HeldBody`] holds until its end. If it is dropped before, the caller lost interest.
pub trait Hold {
    /// The body came to its end, with or without trailers.
    fn end(&mut self, trailers: Option<&HeaderMap>);

    /// The body failed.
    fn fail(&mut self);
}

pin_project! {
    /// The body of a response whose call ends with it, see [`UntilBodyEnd`](super::UntilBodyEnd).
    pub struct HeldBody<B, H> {
        // Before what is held, so that it is also dropped before: who comes next finds it gone.
        #[pin]
        body: B,
        // Gone once the body has ended.
        hold: Option<H>,
    }
}

impl<B, H> HeldBody<B, H> {
    pub(super) fn new(body: B, hold: Option<H>) -> Self {
        Self { body, hold }
    }

    /// The body itself.
    pub fn get_ref(&self) -> &B {
        &self.body
    }
}

/// Holds nothing.
impl<B: Default, H> Default for HeldBody<B, H> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: Body, H: Hold> Body for HeldBody<B, H> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let held = Held::new(this.hold);
        let polled = this.body.as_mut().poll_frame(cx);
        match &polled {
            Poll::Pending => held.keep(|_| ()),
            Poll::Ready(None) => held.end(|hold| hold.end(None)),
            Poll::Ready(Some(Err(_))) => held.end(Hold::fail),
            Poll::Ready(Some(Ok(frame))) => match frame.trailers_ref() {
                Some(trailers) => held.end(|hold| hold.end(Some(trailers))),
                // Who counts the bytes may not ask again.
                None if this.body.is_end_stream() => held.end(|hold| hold.end(None)),
                None => held.keep(|_| ()),
            },
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B, H> fmt::Debug for HeldBody<B, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldBody").field("is_held", &self.hold.is_some()).finish_non_exhaustive()
    }
}
