//! Scripted services and small helpers.

pub mod alloc;
pub mod logs;
pub mod prometheus;
pub mod registered;
pub mod strict;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use tokio::net::TcpSocket;
use tower::Service;

pub use strict::{Act, Strict, TestError};

/// The error of [`Strict`]: its own failures, with room for rejections.
pub type Fail = buttress::CallError<TestError>;

/// Waits until the service is ready, and calls it.
pub async fn call<S: Service<u64>>(service: &mut S, request: u64) -> Result<S::Response, S::Error> {
    call_with(service, request).await
}

/// Waits until the service is ready, and calls it, with any request.
pub async fn call_with<S: Service<Req>, Req>(service: &mut S, request: Req) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

/// Polls once, with a waker that does nothing.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Asks once for readiness, with a waker that does nothing.
pub fn poll_ready<S: Service<u64>>(service: &mut S) -> Poll<Result<(), S::Error>> {
    service.poll_ready(&mut Context::from_waker(Waker::noop()))
}

/// The result of a call that is settled by its first poll.
pub fn now<S: Service<u64>>(service: &mut S, request: u64) -> Result<S::Response, S::Error> {
    match poll_ready(service) {
        Poll::Ready(result) => result?,
        Poll::Pending => panic!("not ready"),
    }
    let mut future = std::pin::pin!(service.call(request));
    match poll_once(future.as_mut()) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("not answered at once"),
    }
}

/// The rejection that a result carries.
pub fn rejection<T: std::fmt::Debug>(result: Result<T, Fail>) -> buttress::Rejected {
    match result {
        Err(buttress::CallError::Rejected(rejected)) => rejected,
        other => panic!("expected a rejection, not {other:?}"),
    }
}

/// A panic of which nothing is printed: a backtrace takes longer than a call may, on a busy machine.
pub fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

/// A port that nobody listens on, and that nobody else is given as long as the tests run.
pub fn nobody_there() -> SocketAddr {
    static BOUND: OnceLock<TcpSocket> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    });
    bound.local_addr().unwrap()
}
