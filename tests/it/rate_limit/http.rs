use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use buttress::{Quota, RateLimitLayer, RateLimiter, Rejected};
use http::{Request, Response, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::advance;
use tower::{Layer, service_fn};

async fn ok(_: Request<()>) -> Result<Response<String>, Infallible> {
    Ok(Response::default())
}

fn retry_after<B>(response: &Response<B>) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().unwrap().parse().ok()
}

#[tokio::test(start_paused = true)]
async fn rl_20_whoever_waits_as_told_is_admitted() {
    for (quota, told) in [
        (Quota::per_second(10).burst(1), 1),
        (Quota::every(Duration::from_secs(1)), 1),
        (Quota::every(Duration::from_nanos(1_000_000_001)), 2),
        (Quota::per_hour(1), 3_600),
    ] {
        let layer = RateLimitLayer::new(quota);
        let send = || layer.layer(service_fn(ok)).oneshot(Request::new(()));
        assert_eq!(send().await.unwrap().status(), StatusCode::OK);
        let refused = send().await.unwrap();
        assert_eq!((refused.status(), retry_after(&refused)), (StatusCode::TOO_MANY_REQUESTS, Some(told)));
        let rejected = refused.extensions().get::<Rejected>().unwrap();
        assert_eq!(rejected.layer(), "rate_limit");
        assert!(refused.headers().iter().all(|(name, _)| name == header::RETRY_AFTER), "nothing else leaks");
        assert!(refused.body().is_empty());
        advance(Duration::from_secs(told)).await;
        assert_eq!(send().await.unwrap().status(), StatusCode::OK, "{quota}");
    }
}

#[tokio::test(start_paused = true)]
async fn rl_20_what_is_left_is_never_out_of_range() {
    let limiter = RateLimiter::new(Quota::per_second(10).burst(4));
    for step in 0..200_u64 {
        let _ = limiter.try_admit_n((step % 3) as u32);
        if step % 20 == 0 {
            limiter.set_quota(Quota::per_second(10).burst(1 + (step / 20 % 7) as u32)).unwrap();
        }
        let peek = limiter.peek();
        assert!(peek.remaining <= peek.limit && peek.limit == limiter.quota().burst_size(), "{peek:?}");
        assert_eq!(peek.next_cell.is_zero(), peek.remaining > 0, "{peek:?}");
        assert!(peek.reset >= peek.next_cell, "{peek:?}");
        advance(Duration::from_millis(step % 70)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rl_20_a_call_that_never_fits_is_not_told_to_come_back() {
    let layer = RateLimitLayer::new(Quota::per_second(10)).cost(|_: &Request<()>| 11);
    let refused = layer.layer(service_fn(ok)).oneshot(Request::new(())).await.unwrap();
    assert_eq!((refused.status(), retry_after(&refused)), (StatusCode::TOO_MANY_REQUESTS, None));
}

#[tokio::test]
async fn rl_14_fifty_connections_share_one_limit() {
    let layer = RateLimitLayer::new(Quota::per_hour(20));
    let limiter = layer.limiter();
    let app = Router::new().route("/", get(async || "hello")).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut statuses = Vec::new();
    for _ in 0..50 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        statuses.push(answer[9..12].to_owned());
    }
    server.abort();
    assert_eq!(statuses.iter().filter(|status| *status == "200").count(), 20);
    assert_eq!(statuses.iter().filter(|status| *status == "429").count(), 30);
    assert_eq!(limiter.snapshot().calls, 50);
}
