//! Layers in front of services with the usual kinds of errors: nothing has to be said for any of them.

use std::time::Duration;

use buttress::{
    BoxError, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Fault, Quota, RateLimitLayer,
    Rejected, RejectedKind, TimeoutLayer, Verdict, client_stack, find_rejected,
};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use crate::support::now;

#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("not now")]
    NotNow(#[from] Rejected),
    #[error("sold out")]
    SoldOut,
}

/// For layers that look at errors.
impl Fault for OrderError {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::NotNow(rejected) => Some(rejected),
            Self::SoldOut => None,
        }
    }
}

fn shop<E>() -> impl Service<u64, Response = u64, Error = E> + Clone {
    service_fn(|order: u64| std::future::ready(Ok(order)))
}

/// Each layer that rejects and does not ask what errors mean.
macro_rules! rejects {
    ($error:ty, $find:expr) => {{
        let find: fn(&$error) -> Option<Rejected> = $find;
        let long = Duration::from_secs(3_600);
        let refused =
            |result: Result<u64, $error>| find(&result.unwrap_err()).expect("a rejection inside").kind();

        let full = BulkheadLayer::new(1);
        let held = full.bulkhead().try_admit().unwrap();
        assert_eq!(refused(now(&mut full.layer(shop::<$error>()), 1)), RejectedKind::BulkheadFull);
        let queue = BulkheadLayer::from_bulkhead(full.bulkhead()).queue(1, long);
        let mut queued = queue.layer(shop::<$error>());
        assert!(crate::support::poll_ready(&mut queued).is_ready());
        let _waits = queued.call(1);
        assert_eq!(refused(now(&mut queued, 2)), RejectedKind::QueueFull);
        drop(held);

        let once = Quota::every(long);
        let mut limited = RateLimitLayer::new(once).layer(shop::<$error>());
        let mut waits = RateLimitLayer::new(once).wait(Duration::from_secs(1)).layer(shop::<$error>());
        let mut keyed = RateLimitLayer::per_key(once, |_: &u64| Some(1_u64)).layer(shop::<$error>());
        assert!(now(&mut limited, 1).is_ok() && now(&mut waits, 1).is_ok() && now(&mut keyed, 1).is_ok());
        for result in [now(&mut limited, 2), now(&mut waits, 2), now(&mut keyed, 2)] {
            assert_eq!(refused(result), RejectedKind::RateLimited);
        }

        // It was not readied.
        let mut timeout = TimeoutLayer::new(long).layer(shop::<$error>());
        let call = std::pin::pin!(timeout.call(1));
        let std::task::Poll::Ready(result) = crate::support::poll_once(call) else { panic!("it waits") };
        assert_eq!(refused(result), RejectedKind::NotReady);

        // What looks at errors has to be told what they mean.
        let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default())
            .classify_fn(|_: Result<&u64, &$error>| Verdict::success());
        layer.breaker().isolate();
        assert_eq!(refused(now(&mut layer.layer(shop::<$error>()), 1)), RejectedKind::CircuitOpen);
    }};
}

#[tokio::test]
async fn every_usual_error_holds_a_rejection() {
    rejects!(BoxError, |error| error.as_rejected().copied());
    rejects!(anyhow::Error, |error| find_rejected(error.as_ref()).copied());
    rejects!(eyre::Report, |error| find_rejected(error.as_ref()).copied());
    rejects!(OrderError, |error| error.as_rejected().copied());
    rejects!(Rejected, |error| Some(*error));
}

/// With one that says what its errors mean, there is nothing to be said for layers that look at them either.
#[test]
fn an_error_that_knows_its_rejections_goes_through_a_whole_stack() {
    fn isolated<E: Fault + From<Rejected>>(find: impl Fn(&E) -> Option<Rejected>) {
        let stack = client_stack("errors");
        stack.circuit_breaker.breaker().isolate();
        let error = now(&mut stack.layer(shop::<E>()), 1).unwrap_err();
        assert_eq!(find(&error).unwrap().kind(), RejectedKind::CircuitOpen);
        let _: Result<u64, E> = now(&mut client_stack("errors").layer(shop::<E>()), 1);
    }
    isolated::<BoxError>(|error| error.as_rejected().copied());
    isolated::<OrderError>(|error| error.as_rejected().copied());
    isolated::<Rejected>(|error| Some(*error));
    assert_eq!(OrderError::SoldOut.verdict(), Verdict::failure("error"));
}

#[test]
fn hyper_utils_client_needs_one_line() {
    fn is_client(_: impl Service<http::Request<Full<bytes::Bytes>>, Error = BoxError>) {}
    let http_client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    is_client(
        ServiceBuilder::new().layer(client_stack("boxed")).map_err(BoxError::from).service(http_client),
    );
}
