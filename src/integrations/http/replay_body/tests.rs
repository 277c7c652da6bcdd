use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use proptest::collection::vec;
use proptest::prelude::*;

use super::ReplayBody;
use crate::error::BoxError;
use crate::replay::Replay;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering::Relaxed, lock};

/// What a body does when it is polled.
enum Step {
    Data(Vec<u8>),
    Pending,
    /// Nothing comes, and nobody is woken.
    Silent,
    Trailers,
    Error,
    Panic,
    /// Meanwhile something else happens.
    Meanwhile(Box<dyn FnOnce() + Send>),
}

struct Script(VecDeque<Step>);

impl Script {
    fn body(steps: impl IntoIterator<Item = Step>, cap: usize) -> ReplayBody<Self> {
        ReplayBody::new(Self(steps.into_iter().collect()), cap)
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.0.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Step::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers())))),
            Some(Step::Error) => Poll::Ready(Some(Err("broken".into()))),
            Some(Step::Panic) => std::panic::panic_any("in a body"),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Silent) => Poll::Pending,
            Some(Step::Meanwhile(act)) => {
                act();
                self.poll_frame(cx)
            }
        }
    }
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("checksum".parse().unwrap(), "7".parse().unwrap())])
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicU64);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

fn poll<B: Body<Error: Into<BoxError>>>(body: &mut ReplayBody<B>, waker: &Waker) -> Polled {
    Pin::new(body).poll_frame(&mut Context::from_waker(waker))
}

fn text<B: Body<Error: Into<BoxError>>>(body: &mut ReplayBody<B>) -> String {
    match poll(body, Waker::noop()) {
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
            Err(_) => "trailers".into(),
        },
        Poll::Ready(Some(Err(error))) => error.to_string(),
        Poll::Ready(None) => "end".into(),
        Poll::Pending => "pending".into(),
    }
}

fn data(text: &str) -> Step {
    Step::Data(text.into())
}

const SUPERSEDED: &str = "the request body is read by a later attempt";
const SPENT: &str = "the request body was too large to be recorded for another attempt";

/// What one attempt got of the body.
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    has_trailers: bool,
    ended: bool,
    error: Option<String>,
}

impl Received {
    /// Polls until it ends, or so many times.
    fn read<B: Body<Error: Into<BoxError>>>(&mut self, body: &mut ReplayBody<B>, polls: usize) {
        for _ in 0..polls {
            if self.ended {
                return;
            }
            let hint = body.size_hint();
            assert!(hint.upper().is_none_or(|upper| hint.lower() <= upper));
            match poll(body, Waker::noop()) {
                Poll::Pending => {}
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Err(error))) => (self.ended, self.error) = (true, Some(error.to_string())),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.bytes.extend_from_slice(&data),
                    Err(frame) => {
                        assert_eq!(frame.into_trailers().unwrap(), trailers());
                        self.has_trailers = true;
                    }
                },
            }
        }
    }
}

/// So many polls stand for all that it takes.
const ALL: usize = 9;

/// One attempt of a plan: how many polls before its answer comes, how many once the next attempt was sent, and whether
/// its body is dropped with the answer.
type Attempt = (usize, usize, bool);

proptest! {
    #[test]
    fn each_attempt_gets_the_same_bytes_or_an_error(
        chunks in vec((vec(any::<u8>(), 0..20), any::<bool>()), 0..12),
        has_trailers: bool,
        fails_at in proptest::option::weighted(0.2, 0_usize..12),
        cap in 0_usize..200,
        plan in vec((0_usize..=ALL, 0_usize..4, any::<bool>()), 1..5),
    ) {
        let original: Vec<u8> = chunks.iter().flat_map(|(chunk, _)| chunk.clone()).collect();
        let mut steps = VecDeque::new();
        for (at, (chunk, is_late)) in chunks.iter().enumerate() {
            if fails_at == Some(at) {
                steps.push_back(Step::Error);
            }
            if *is_late {
                steps.push_back(Step::Pending);
            }
            steps.push_back(Step::Data(chunk.clone()));
        }
        let fails = fails_at.is_some_and(|at| at < chunks.len());
        if has_trailers {
            steps.push_back(Step::Trailers);
        }
        run(&plan, ReplayBody::new(Script(steps), cap), &original, has_trailers, fails, cap)?;
    }
}

fn run(
    plan: &[Attempt],
    first: ReplayBody<Script>,
    original: &[u8],
    has_trailers: bool,
    fails: bool,
    cap: usize,
) -> Result<(), TestCaseError> {
    let mut next = first;
    let mut before: Option<(ReplayBody<Script>, Received, usize)> = None;
    // How far the body itself was read.
    let mut most = 0;
    for &(polls, polls_after, is_dropped) in plan {
        let mut body = next;
        next = body.replay().expect("asked for before the attempt, while it is repeatable");
        let mut got = Received::default();
        got.read(&mut body, polls.min(1));
        if let Some((mut before, mut late, polls)) = before.take() {
            // The attempt before may still be there, and takes nothing away from this one.
            let had = late.bytes.len();
            late.read(&mut before, polls);
            prop_assert_eq!(late.bytes.len(), had);
            prop_assert!(late.error.is_none_or(|error| error == SUPERSEDED));
        }
        got.read(&mut body, polls.saturating_sub(1));
        if polls == ALL {
            got.read(&mut body, 100);
            prop_assert!(got.ended, "it got stuck after {} bytes", got.bytes.len());
        }
        prop_assert!(original.starts_with(&got.bytes), "{:?} of {:?}", got.bytes, original);
        if got.ended && got.error.is_none() {
            prop_assert_eq!(&got.bytes, original);
            prop_assert_eq!(got.has_trailers, has_trailers);
            prop_assert!(body.is_end_stream() && body.size_hint().exact() == Some(0));
        }
        if let Some(error) = &got.error {
            prop_assert!(fails, "{}", error);
        }
        most = most.max(got.bytes.len());
        let is_repeatable = next.repeatable();
        prop_assert_eq!(is_repeatable, most <= cap && got.error.is_none(), "{} of {}", most, cap);
        if !is_repeatable {
            let mut last = Received::default();
            last.read(&mut next, 100);
            prop_assert!(last.error.is_some() && original.starts_with(&last.bytes));
            return Ok(());
        }
        before = (!is_dropped).then_some((body, got, polls_after));
    }
    let mut last = Received::default();
    last.read(&mut next, 100);
    prop_assert!(last.ended);
    prop_assert_eq!(last.error.is_some(), fails);
    if !fails {
        prop_assert_eq!(&last.bytes, original);
        prop_assert_eq!(last.has_trailers, has_trailers);
    }
    Ok(())
}

#[test]
fn the_first_attempt_is_not_read_ahead_and_comes_through_frame_by_frame() {
    let mut body = Script::body([data("a"), Step::Pending, data("bc"), Step::Trailers], 100);
    let mut again = body.replay().unwrap();
    let read: Vec<_> = (0..5).map(|_| text(&mut body)).collect();
    assert_eq!(read, ["a", "pending", "bc", "trailers", "end"]);
    assert!(again.repeatable());
    assert_eq!([text(&mut again), text(&mut again), text(&mut again)], ["abc", "trailers", "end"]);
}

#[test]
fn an_early_answer_leaves_the_rest_to_the_next_attempt() {
    let mut body = Script::body([data("a"), data("b"), data("c")], 100);
    let mut again = body.replay().unwrap();
    assert_eq!(text(&mut body), "a");
    assert!(again.repeatable());
    assert_eq!([text(&mut again), text(&mut again)], ["a", "b"]);
    assert_eq!(text(&mut body), SUPERSEDED);
    drop(body);
    assert_eq!([text(&mut again), text(&mut again)], ["c", "end"]);
}

#[test]
fn above_the_cap_it_streams_on_and_is_not_repeated() {
    let mut body = Script::body([data("abc"), data("de"), data("f")], 4);
    let mut again = body.replay().unwrap();
    assert_eq!(text(&mut body), "abc");
    assert!(again.repeatable());
    drop(again);
    again = body.replay().unwrap();
    assert_eq!(text(&mut body), "de");
    assert!(!again.repeatable() && body.replay().is_none());
    assert_eq!(text(&mut again), SPENT);
    // Whoever tries in vain takes nothing away from the attempt under way.
    assert_eq!([text(&mut body), text(&mut body)], ["f", "end"]);
}

#[test]
fn while_it_is_decided_the_attempt_that_was_answered_reads_no_further() {
    let mut body = Script::body([data("abc"), data("de"), data("f")], 4);
    let mut again = body.replay().unwrap();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    assert_eq!(text(&mut body), "abc");
    assert!(again.repeatable());
    assert!(poll(&mut body, &waker).is_pending(), "it would exceed the cap");
    assert_eq!([text(&mut again), text(&mut again)], ["abc", "de"]);
    assert_eq!((bell.0.load(Relaxed), text(&mut body).as_str()), (1, SUPERSEDED));
}

#[test]
fn if_it_is_not_repeated_the_attempt_goes_on() {
    let mut body = Script::body([data("abc"), data("de")], 4);
    let again = body.replay().unwrap();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    assert!(again.repeatable());
    assert!(poll(&mut body, &waker).is_pending());
    drop(again);
    assert_eq!(bell.0.load(Relaxed), 1);
    assert_eq!([text(&mut body), text(&mut body), text(&mut body)], ["abc", "de", "end"]);
}

#[test]
fn an_attempt_that_was_answered_unread_takes_nothing_from_the_next() {
    let mut body = Script::body([data("a"), data("b")], 100);
    let mut again = body.replay().unwrap();
    assert!(again.repeatable());
    assert_eq!(text(&mut again), "a");
    assert_eq!(text(&mut body), SUPERSEDED);
    assert_eq!([text(&mut again), text(&mut again)], ["b", "end"]);
}

#[test]
fn who_copied_first_comes_last() {
    // As of a fallback around a retry: its copy is made first, and sent when all attempts were made.
    let mut first = Script::body([data("a"), data("b"), data("c")], 100);
    let mut of_fallback = first.replay().unwrap();
    let mut second = first.replay().unwrap();
    assert_eq!(text(&mut first), "a");
    let mut third = second.replay().unwrap();
    assert_eq!([text(&mut second), text(&mut second)], ["a", "b"]);
    assert_eq!([text(&mut third), text(&mut second)], ["a", SUPERSEDED]);
    assert!(of_fallback.repeatable());
    let read: Vec<_> = (0..4).map(|_| text(&mut of_fallback)).collect();
    assert_eq!((read.join(" ").as_str(), text(&mut third).as_str()), ("a b c end", SUPERSEDED));
}

#[test]
fn nothing_is_recorded_for_nobody() {
    let mut body = Script::body([data("a"), data("b")], 100);
    assert_eq!(text(&mut body), "a");
    assert!(body.replay().is_none());
    assert_eq!([text(&mut body), text(&mut body)], ["b", "end"]);
}

#[test]
fn a_body_that_failed_is_not_repeated() {
    let mut body = Script::body([data("a"), Step::Error], 100);
    let mut again = body.replay().unwrap();
    assert_eq!([text(&mut body), text(&mut body)], ["a", "broken"]);
    assert!(!again.repeatable());
    assert_eq!(text(&mut again), "a");
    assert_eq!(text(&mut again), "the request body failed in an earlier attempt");
}

#[test]
fn a_body_that_panicked_leaves_nobody_waiting() {
    let mut body = Script::body([Step::Panic], 100);
    let mut again = body.replay().unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| text(&mut body)));
    assert!(caught.is_err() && !again.repeatable());
    assert_eq!(text(&mut again), "the request body failed in an earlier attempt");
}

#[test]
fn an_attempt_that_begins_in_the_middle_of_a_poll_misses_nothing() {
    let late = Arc::new(Mutex::new(None::<ReplayBody<Script>>));
    let bell = Arc::new(Bell::default());
    let meanwhile = {
        let (late, waker) = (Arc::clone(&late), Waker::from(Arc::clone(&bell)));
        Step::Meanwhile(Box::new(move || {
            let mut late = lock(&late);
            assert!(poll(late.as_mut().unwrap(), &waker).is_pending(), "the body is in use");
        }))
    };
    let mut body = Script::body([meanwhile, data("a"), data("b")], 100);
    *lock(&late) = body.replay();
    assert_eq!((text(&mut body).as_str(), bell.0.load(Relaxed)), (SUPERSEDED, 1));
    let mut again = lock(&late).take().unwrap();
    assert_eq!([text(&mut again), text(&mut again), text(&mut again)], ["a", "b", "end"]);
}

/// It waited for good: the body wakes only who asked it last.
#[test]
fn an_attempt_that_waits_for_the_body_is_woken_when_a_later_one_takes_it_over() {
    let mut body = Script::body([data("a"), Step::Silent, Step::Silent, data("b")], 100);
    let mut again = body.replay().unwrap();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    assert_eq!(text(&mut body), "a");
    assert!(poll(&mut body, &waker).is_pending() && poll(&mut body, &waker).is_pending());
    assert_eq!(bell.0.load(Relaxed), 0, "nothing came that it could read");
    assert_eq!((text(&mut again).as_str(), bell.0.load(Relaxed)), ("a", 1));
    assert_eq!([text(&mut body), text(&mut again)], [SUPERSEDED, "b"]);
}

#[test]
fn an_attempt_whose_body_is_taken_over_in_the_middle_of_a_poll_does_not_wait_for_it() {
    let late = Arc::new(Mutex::new(None::<ReplayBody<Script>>));
    let meanwhile = {
        let late = Arc::clone(&late);
        Step::Meanwhile(Box::new(move || assert_eq!(text(lock(&late).as_mut().unwrap()), "pending")))
    };
    let mut body = Script::body([meanwhile, Step::Silent, data("a")], 100);
    *lock(&late) = body.replay();
    assert_eq!(text(&mut body), SUPERSEDED);
    assert_eq!(text(lock(&late).as_mut().unwrap()), "a");
}

/// Each of these was held for good.
#[test]
fn all_who_wait_for_a_decision_are_woken_by_it() {
    let mut first = Script::body([data("a"), data("b")], 100);
    let mut second = first.replay().unwrap();
    let third = second.replay().unwrap();
    let bells = [(); 2].map(|()| Arc::new(Bell::default()));
    assert_eq!(text(&mut first), "a");
    assert!(third.repeatable());
    for (body, bell) in [&mut first, &mut second].into_iter().zip(&bells) {
        assert!(poll(body, &Waker::from(Arc::clone(bell))).is_pending());
    }
    drop(third);
    assert_eq!(bells.map(|bell| bell.0.load(Relaxed)), [1, 1]);
    assert_eq!([text(&mut second), text(&mut first), text(&mut second)], ["a", SUPERSEDED, "b"]);
}

/// Looks whether the recording is locked while code of the executor runs.
struct Intruder(Box<dyn Fn() -> bool + Send + Sync>, Arc<AtomicU64>);

impl Wake for Intruder {
    fn wake(self: Arc<Self>) {
        assert!(!(self.0)(), "woken under the lock");
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        self.1.fetch_add(u64::from((self.0)()), Relaxed);
    }
}

#[test]
fn no_waker_is_dropped_or_woken_under_the_lock() {
    let under_lock = Arc::new(AtomicU64::new(0));
    let mut body = Script::body([data("a"), Step::Silent, Step::Silent, Step::Silent, data("b")], 100);
    let again = body.replay().unwrap();
    let probe = Arc::new(body.lock_probe());
    let intruder = || {
        let probe = Arc::clone(&probe);
        Waker::from(Arc::new(Intruder(Box::new(move || probe()), Arc::clone(&under_lock))))
    };
    assert_eq!(text(&mut body), "a");
    assert!((0..2).all(|_| poll(&mut body, &intruder()).is_pending()));
    assert!(again.repeatable());
    assert!((0..2).all(|_| poll(&mut body, &intruder()).is_pending()), "it is held");
    drop(again);
    let mut again = body.replay().unwrap();
    assert!(poll(&mut body, &intruder()).is_pending());
    assert_eq!(text(&mut again), "a");
    drop((body, again));
    assert_eq!(under_lock.load(Relaxed), 0);
}

#[test]
fn its_size_is_known_as_far_as_the_bodys_is() {
    let body = ReplayBody::new(Full::new(Bytes::from_static(b"12345")), 100);
    let again = body.replay().unwrap();
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
    drop(body);
    let mut body = again.replay().unwrap();
    assert_eq!(text(&mut body), "12345");
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
    assert_eq!((again.size_hint().exact(), again.is_end_stream()), (Some(5), false));
    let empty = ReplayBody::new(Full::<Bytes>::default(), 0);
    assert!(empty.is_end_stream() && empty.repeatable());
    let stream = Script::body([data("a")], 100);
    assert_eq!((stream.size_hint().lower(), SizeHint::default().upper()), (0, stream.size_hint().upper()));
}

#[test]
fn the_size_of_what_has_trailers_is_not_told() {
    let mut body = Script::body([data("abc"), Step::Trailers], 100);
    let again = body.replay().unwrap();
    while text(&mut body) != "end" {}
    assert_eq!((again.size_hint().lower(), again.size_hint().upper()), (3, None));
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[test]
fn it_is_sync_whatever_the_body_is() {
    fn is_sync<T: Send + Sync + Unpin>(_: &T) {}
    let unsync = Full::new(Bytes::from_static(b"x")).map_err(|error: Infallible| error).boxed_unsync();
    is_sync(&ReplayBody::new(unsync, 1));
    let mut collected = pin!(ReplayBody::new(Full::new(Bytes::from_static(b"x")), 1).collect());
    assert!(collected.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}
