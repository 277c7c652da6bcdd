use std::time::Duration;

use beyond_tower::middleware::Resilience;
use buttress::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, CircuitState, Quota, RateLimiter, RejectedKind, Timeout,
    find_rejected,
};
use http::StatusCode;
use reqwest::Body;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error};

use super::support::{Scripted, fast_retry, quick, quick_breaker};

fn resilience() -> Resilience {
    Resilience { retry: fast_retry(), circuit_breaker: quick_breaker(), ..Resilience::new("upstream") }
}

fn client(resilience: &Resilience) -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new()).with(resilience.clone()).build()
}

fn kind(error: &Error) -> Option<RejectedKind> {
    match error {
        Error::Middleware(error) => find_rejected(error.as_ref()).map(|rejected| rejected.kind()),
        Error::Reqwest(_) => None,
    }
}

#[tokio::test]
async fn the_breaker_opens_and_recovers() {
    let (server, address) = Scripted::serve(&[500]).await;
    let config = quick().open_time(Duration::from_millis(1));
    let resilience = Resilience { circuit_breaker: CircuitBreaker::new(config), ..resilience() };
    let (client, url) = (client(&resilience), format!("http://{address}/"));
    for _ in 0..10 {
        assert_eq!(client.post(&url).send().await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(resilience.circuit_breaker.snapshot().opened, 1);
    server.now_answer(&[200]);
    while resilience.circuit_breaker.state() != CircuitState::Closed {
        if let Err(error) = client.post(&url).send().await {
            assert_eq!(kind(&error), Some(RejectedKind::CircuitOpen), "{error:?}");
        }
    }
    assert_eq!(server.count(), 13);
}

#[tokio::test]
async fn only_what_may_be_repeated_is_repeated_and_within_the_budget() {
    let (server, address) = Scripted::serve(&[503]).await;
    let closed = CircuitBreaker::new(CircuitBreakerConfig::default().outage(None));
    let resilience = Resilience { circuit_breaker: closed, ..resilience() };
    let (client, url) = (client(&resilience), format!("http://{address}/"));
    let requests = [
        (client.get(&url), 3),
        (client.post(&url), 1),
        (client.post(&url).header("idempotency-key", "7"), 3),
        (client.put(&url).body("bytes"), 3),
        (client.put(&url).body(Body::wrap(String::from("a stream"))), 1),
    ];
    for (request, attempts) in requests {
        let before = server.count();
        let response = request.send().await.unwrap();
        assert_eq!((response.status(), server.count() - before), (StatusCode::SERVICE_UNAVAILABLE, attempts));
    }
    let bodies = server.seen().into_iter().map(|seen| seen.body).collect::<Vec<_>>();
    assert_eq!(bodies[7..], ["bytes", "bytes", "bytes", "a stream"]);
    let budget = resilience.retry.budget().unwrap().snapshot();
    assert_eq!(budget.withdrawn, 6);
}

#[tokio::test]
async fn each_engine_refuses_in_its_own_words_and_nothing_is_sent() {
    let (server, address) = Scripted::serve(&[200]).await;
    let url = format!("http://{address}/");
    let (full, none_left) = (Bulkhead::new(1), RateLimiter::new(Quota::every(Duration::from_secs(3_600))));
    let _held = full.try_admit().unwrap();
    none_left.try_admit().unwrap();
    let isolated = quick_breaker();
    isolated.isolate();
    let cases = [
        (Resilience { bulkhead: full, ..resilience() }, RejectedKind::BulkheadFull),
        (Resilience { rate_limit: none_left, ..resilience() }, RejectedKind::RateLimited),
        (Resilience { circuit_breaker: isolated, ..resilience() }, RejectedKind::CircuitOpen),
    ];
    for (resilience, expected) in cases {
        let error = client(&resilience).get(&url).send().await.unwrap_err();
        assert_eq!(kind(&error), Some(expected), "{error:?}");
        assert_eq!((server.count(), resilience.retry.snapshot().retries), (0, 0), "{expected:?}");
        assert_eq!(resilience.circuit_breaker.snapshot().failed, 0, "{expected:?}");
    }
}

#[tokio::test]
async fn a_call_that_hangs_is_cut_off_and_one_that_is_dropped_frees_its_place() {
    let (server, address) = Scripted::serve(&[200]).await;
    let url = format!("http://{address}/hang");
    let timeout = Timeout::new(Duration::from_millis(20));
    let hasty = Resilience { timeout, ..resilience() };
    let error = client(&hasty).post(&url).send().await.unwrap_err();
    assert_eq!((kind(&error), server.count()), (Some(RejectedKind::TimedOut), 1));

    let patient = resilience();
    let call = tokio::spawn(client(&patient).post(&url).send());
    while server.count() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(patient.bulkhead.snapshot().in_flight, 1);
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!((patient.bulkhead.snapshot().in_flight, patient.circuit_breaker.snapshot().in_flight), (0, 0));
}

#[tokio::test]
async fn the_clients_own_error_survives() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let resilience = resilience();
    let error = client(&resilience).post(format!("http://{gone}/")).send().await.unwrap_err();
    assert!(matches!(&error, Error::Reqwest(error) if error.is_connect()), "{error:?}");
    assert_eq!(resilience.circuit_breaker.snapshot().causes.count("connect"), 1);
}
