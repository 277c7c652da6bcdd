use std::time::Duration;

use beyond_tower::plain::Plain;
use beyond_tower::store::Guard;
use buttress::circuit_breaker::Window;
use buttress::{Bulkhead, CircuitBreaker, CircuitState, RejectedKind, Timeout, find_rejected};
use object_store::http::{HttpBuilder, HttpStore};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStoreExt, RetryConfig};

use super::support::{Scripted, quick, quick_breaker};

const MS: Duration = Duration::from_millis(1);

/// A store that repeats what fails up to ten times, as by default, and quickly.
fn store(guard: &Guard, url: String) -> HttpStore {
    let backoff = BackoffConfig { init_backoff: MS, max_backoff: MS, base: 2.0 };
    let retry = RetryConfig { backoff, ..RetryConfig::default() };
    let options = ClientOptions::new().with_allow_http(true);
    let builder = HttpBuilder::new().with_url(url).with_retry(retry).with_client_options(options);
    builder.with_http_connector(guard.clone()).build().unwrap()
}

fn guard() -> Guard {
    Guard { circuit_breaker: quick_breaker(), ..Guard::new("store", Plain) }
}

fn kind(error: &object_store::Error) -> RejectedKind {
    find_rejected(error).unwrap_or_else(|| panic!("{error:?}")).kind()
}

#[tokio::test]
async fn objects_pass_and_a_hiccup_is_the_stores_own_matter() {
    let (server, address) = Scripted::serve(&[503, 200]).await;
    let guard = guard();
    let store = store(&guard, format!("http://{address}/"));
    store.put(&Path::from("a"), "seven bytes".into()).await.unwrap();
    store.get(&Path::from("a")).await.unwrap().bytes().await.unwrap();
    let bodies = server.seen().into_iter().map(|seen| seen.body).collect::<Vec<_>>();
    assert_eq!(bodies, ["seven bytes", "seven bytes", ""]);
    let counts = guard.circuit_breaker.snapshot();
    assert_eq!((counts.succeeded, counts.failed), (2, 1));
}

#[tokio::test]
async fn an_open_circuit_ends_the_stores_repeats() {
    let (server, address) = Scripted::serve(&[503]).await;
    let guard = guard();
    let store = store(&guard, format!("http://{address}/"));
    // The first request and nine repeats; the tenth repeat finds the circuit open.
    let error = store.get(&Path::from("a")).await.unwrap_err();
    assert_eq!((kind(&error), server.count()), (RejectedKind::CircuitOpen, 10));
    let error = store.get(&Path::from("a")).await.unwrap_err();
    assert_eq!((kind(&error), server.count()), (RejectedKind::CircuitOpen, 10));
    assert_eq!(guard.circuit_breaker.snapshot().rejected, 2, "a rejection is not repeated");

    server.now_answer(&[200]);
    guard.circuit_breaker.reset();
    store.get(&Path::from("a")).await.unwrap();
    assert_eq!(guard.circuit_breaker.state(), CircuitState::Closed);
}

#[tokio::test]
async fn a_full_bulkhead_refuses_once() {
    let (server, address) = Scripted::serve(&[200]).await;
    let bulkhead = Bulkhead::new(1);
    let held = bulkhead.try_admit().unwrap();
    let guard = Guard { bulkhead: bulkhead.clone(), ..guard() };
    let store = store(&guard, format!("http://{address}/"));
    let error = store.get(&Path::from("a")).await.unwrap_err();
    assert_eq!((kind(&error), server.count()), (RejectedKind::BulkheadFull, 0));
    assert_eq!((bulkhead.snapshot().rejected, guard.circuit_breaker.snapshot().failed), (1, 0));
    held.complete();
    store.get(&Path::from("a")).await.unwrap();
}

#[tokio::test]
async fn a_request_that_hangs_is_cut_off_and_the_store_repeats_it() {
    let (_server, address) = Scripted::serve(&[200]).await;
    let never_opens = CircuitBreaker::new(quick().window(Window::last_calls(100)).min_calls(100));
    let guard = Guard { timeout: Timeout::new(5 * MS), circuit_breaker: never_opens, ..guard() };
    let store = store(&guard, format!("http://{address}/"));
    let error = store.get(&Path::from("hang")).await.unwrap_err();
    assert_eq!((kind(&error), guard.timeout.snapshot().calls), (RejectedKind::TimedOut, 11));
    assert_eq!((guard.bulkhead.snapshot().in_flight, guard.circuit_breaker.snapshot().in_flight), (0, 0));
}
