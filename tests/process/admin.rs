//! What the admin page keeps over minutes. It looks at all engines meanwhile, those of other tests too.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use buttress::Bulkhead;
use buttress::admin::Admin;
use serde_json::Value;
use tower::ServiceExt;

use super::alone;

#[tokio::test(start_paused = true)]
async fn five_minutes_are_kept_and_no_more() {
    let _alone = alone();
    let _bulkhead = Bulkhead::new(8).named("long-lived");
    let router = Admin::new().router();
    let ask = async || {
        let request = Request::get("/snapshot").header("host", "localhost").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let snapshot: Value = serde_json::from_slice(&body).unwrap();
        let engines = snapshot["engines"].as_array().unwrap();
        let mine = engines.iter().find(|engine| engine["name"] == "long-lived").unwrap().clone();
        let lengths = ["calls", "rejected", "failed", "in_flight"];
        lengths.map(|what| mine["history"][what].as_array().unwrap().len())
    };
    tokio::time::sleep(Duration::from_millis(60_500)).await;
    assert_eq!(ask().await, [60; 4]);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(ask().await, [300; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_after_a_minute_and_is_to_be_asked_for_again_at_once() {
    let _alone = alone();
    let router = Admin::new().router();
    let mut ticks = Vec::new();
    for _ in 0..2 {
        let begin = tokio::time::Instant::now();
        let request = Request::get("/events").header("host", "localhost").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        assert!((59..=62).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
        let text = String::from_utf8(body.to_vec()).unwrap();
        let updates = text.strip_prefix("retry: 300\n\n").unwrap();
        let updates = updates.split("\n\n").filter_map(|event| event.strip_prefix("event: snapshot\ndata: "));
        let tick = |update: &str| serde_json::from_str::<Value>(update).unwrap()["tick"].as_u64().unwrap();
        ticks.extend(updates.map(tick));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Nothing is missed in between.
    let all: Vec<_> = (ticks[0]..ticks[0] + ticks.len() as u64).collect();
    assert_eq!(ticks, all);
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_any_more_when_the_router_is_gone() {
    let _alone = alone();
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let router = Admin::new().router();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(alive(), 1);
    drop(router);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(alive(), 0);
}
