use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::recording::{Next, Outlook, Position, Recording};
use crate::error::BoxError;
use crate::replay::Replay;
use crate::sync::{Arc, Mutex, lock};

/// A request body that is recorded while it is sent, so that the request can be sent again.
///
/// Nothing is read ahead: the first attempt streams through, and what goes by is kept up to a cap. A copy
/// sends what was recorded, byte for byte and with the trailers, and goes on with the rest of the original body. That
/// is also what it does when the service answered before it had read all of the body. Above the cap the recording is
/// given up, and the request may not be repeated any more ([`Replay::repeatable`]).
///
/// Made by a [`ReplayBodyLayer`](super::ReplayBodyLayer), or by hand:
///
/// ```
/// use bytes::Bytes;
/// use buttress::{Replay, http::ReplayBody};
/// use http_body_util::{BodyExt, Full};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let body = ReplayBody::new(Full::new(Bytes::from("an order")), 64 * 1024);
/// let again = body.replay().unwrap();
/// assert_eq!(body.collect().await.unwrap().to_bytes(), "an order");
/// assert!(again.repeatable());
/// assert_eq!(again.collect().await.unwrap().to_bytes(), "an order");
/// # }
/// ```
///
/// A copy ends with an error as soon as one for a later attempt is read, as nobody needs its attempt any more. So two
/// attempts at the same time are not for bodies like this.
///
/// # Errors
///
/// The body's own, boxed; or that this copy cannot be read any more.
pub struct ReplayBody<B> {
    shared: Arc<Shared<B>>,
    position: Position,
}

type Shared<B> = Mutex<Recording<Pin<Box<B>>>>;

impl<B: Body> ReplayBody<B> {
    /// Records up to `cap` bytes of this body while it is read.
    pub fn new(body: B, cap: usize) -> Self {
        let outlook = outlook(&body);
        let recording = Recording::new(Box::pin(body), outlook, cap);
        Self { shared: Arc::new(Mutex::new(recording)), position: Position::default() }
    }
}

/// Does this with the recording, and wakes whoever may go on then.
fn with<B, T>(shared: &Shared<B>, act: impl FnOnce(&mut Recording<Pin<Box<B>>>) -> T) -> T {
    let mut recording = lock(shared);
    let done = act(&mut recording);
    let woken = recording.take_woken();
    drop(recording);
    woken.into_iter().for_each(Waker::wake);
    done
}

fn outlook<B: Body>(body: &B) -> Outlook {
    Outlook { size: body.size_hint(), is_end: body.is_end_stream() }
}

#[cfg(test)]
impl<B> ReplayBody<B> {
    /// Tells later whether the recording is locked then.
    pub(super) fn lock_probe(&self) -> impl Fn() -> bool + use<B> {
        let shared = Arc::downgrade(&self.shared);
        move || shared.upgrade().is_some_and(|shared| shared.try_lock().is_err())
    }
}

impl<B> Replay for ReplayBody<B> {
    /// None, if something was read already that is not recorded.
    fn replay(&self) -> Option<Self> {
        with(&self.shared, |recording| {
            recording.is_whole().then(|| {
                let position = recording.add_copy(&self.position);
                Self { shared: Arc::clone(&self.shared), position }
            })
        })
    }

    /// Whether all that was read is recorded. Asked of a copy that was not sent yet, it holds the attempt before
    /// it: that one reads no further until this copy is sent or dropped.
    fn repeatable(&self) -> bool {
        with(&self.shared, |recording| {
            recording.pause_for(&self.position);
            recording.is_whole()
        })
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body<Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Polled> {
        let Self { shared, position } = self.get_mut();
        let mut before = None;
        let mut next = with(shared, |recording| recording.next(position, &mut before));
        if let Next::Wait = next {
            // A waker runs code of the executor when it is cloned and dropped: neither of it under the lock.
            let mut waker = Some(cx.waker().clone());
            next = with(shared, |recording| recording.next(position, &mut waker));
        }
        Poll::Ready(match next {
            Next::Data(data) => Some(Ok(Frame::data(data))),
            Next::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Next::End => None,
            Next::Gone(gone) => Some(Err(gone.into())),
            Next::Wait => return Poll::Pending,
            Next::Ask(body) => return Loan { shared, body: Some(body) }.ask(position, cx),
        })
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.shared).is_end(&self.position)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.shared).size(&self.position)
    }
}

type Polled = Option<Result<Frame<Bytes>, BoxError>>;

/// The body in the hands of a reader. If it is not brought back, it failed or panicked.
struct Loan<'a, B> {
    shared: &'a Arc<Shared<B>>,
    body: Option<Pin<Box<B>>>,
}

impl<B> Loan<'_, B>
where
    B: Body<Error: Into<BoxError>>,
{
    fn ask(mut self, position: &mut Position, cx: &mut Context<'_>) -> Poll<Polled> {
        let Some(body) = &mut self.body else { return Poll::Pending };
        let frame = match body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame.map_data(|mut data| data.copy_to_bytes(data.remaining())),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                self.give_back(true, |_| ());
                return Poll::Ready(None);
            }
            Poll::Pending => {
                let mut waker = Some(cx.waker().clone());
                return match self.give_back(false, |recording| recording.stay(position, &mut waker)) {
                    Ok(()) => Poll::Pending,
                    Err(gone) => Poll::Ready(Some(Err(gone.into()))),
                };
            }
        };
        let has_copies = Arc::strong_count(self.shared) > 1;
        let is_end = body.is_end_stream();
        let noted = if let Some(data) = frame.data_ref() {
            self.give_back(is_end, |recording| recording.record(position, data, has_copies))
        } else if let Some(trailers) = frame.trailers_ref() {
            self.give_back(true, |recording| recording.end_with(position, trailers))
        } else {
            self.give_back(is_end, |_| Ok(()))
        };
        Poll::Ready(Some(noted.map(|()| frame).map_err(BoxError::from)))
    }

    fn give_back<T>(&mut self, is_end: bool, note: impl FnOnce(&mut Recording<Pin<Box<B>>>) -> T) -> T {
        let body = self.body.take();
        let rest = body.as_deref().map(outlook);
        // What has ended is dropped at the end of this, without the lock.
        let mut ended = None;
        with(self.shared, |recording| {
            match (body, rest) {
                (Some(body), Some(rest)) if !is_end => recording.bring_back(body, rest),
                (body, _) => {
                    ended = body;
                    recording.end();
                }
            }
            note(recording)
        })
    }
}

impl<B> Drop for Loan<'_, B> {
    fn drop(&mut self) {
        if self.body.is_some() {
            with(self.shared, Recording::break_off);
        }
    }
}

impl<B> Drop for ReplayBody<B> {
    fn drop(&mut self) {
        let waker = with(&self.shared, |recording| recording.remove_copy(&self.position));
        drop(waker);
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").field("position", &self.position).finish_non_exhaustive()
    }
}
