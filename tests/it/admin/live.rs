//! What a page sees without asking again.

use std::net::SocketAddr;
use std::time::Duration;

use buttress::admin::Admin;
use buttress::{Bulkhead, CircuitBreaker, CircuitBreakerConfig, Verdict};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::support::{connect, engine, get, serve};

/// A page that listens.
struct Listener {
    stream: TcpStream,
    heard: String,
}

impl Listener {
    async fn new(address: SocketAddr) -> Self {
        let head = format!("GET /buttress/events HTTP/1.1\r\nhost: {address}");
        Self { stream: connect(address, &head, "").await, heard: String::new() }
    }

    /// Reads until this is there, and returns all before it.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.heard.find(end) {
                return self.heard.drain(..at + end.len()).collect();
            }
            let mut buffer = vec![0; 65_536];
            let read = self.stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the stream ended: {}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }

    async fn update(&mut self) -> Value {
        self.until("event: snapshot\ndata: ").await;
        let data = self.until("\n\n").await;
        // A chunk of HTTP may end within it.
        let line: String = data.split("\r\n").step_by(2).collect();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

#[tokio::test]
async fn updates_arrive_while_calls_go_on() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("watched");
    let address = serve(Admin::new()).await;
    let mut listener = Listener::new(address).await;
    let head = listener.until("\r\n\r\n").await;
    assert!(head.contains("200 OK") && head.contains("content-type: text/event-stream"), "{head}");
    let watched = |update: &Value| {
        let engines = update["engines"].as_array().unwrap();
        engines.iter().find(|engine| engine["name"] == "watched").cloned().unwrap()
    };
    let before = listener.update().await;
    assert_eq!(watched(&before)["detail"]["state"], "closed");
    assert!(watched(&before).get("history").is_none(), "an update is short");

    for _ in 0..100 {
        breaker.try_admit().unwrap().settle(Verdict::failure("timeout"));
    }
    let events = get(address, "/buttress/snapshot").await.json()["events"].clone();
    let event = events.as_array().unwrap().iter().rfind(|event| event["name"] == "watched").unwrap();
    assert_eq!(event["message"], "circuit breaker opened: 100 of 100 failed: timeout 100");
    let after = listener.update().await;
    let seen = watched(&after);
    assert_eq!(
        (&seen["detail"]["state"], &seen["detail"]["causes"]["timeout"]),
        (&"open".into(), &100.into())
    );
    assert!(seen["recent"]["failed"].as_f64().unwrap() > 10.0, "{seen}");
    assert_eq!(after["tick"].as_u64().unwrap(), before["tick"].as_u64().unwrap() + 1);
}

#[tokio::test]
async fn so_many_pages_are_told_and_the_others_ask() {
    let address = serve(Admin::new()).await;
    let mut listeners = Vec::new();
    for _ in 0..16 {
        let mut listener = Listener::new(address).await;
        assert!(listener.until("\r\n\r\n").await.contains("200 OK"));
        listeners.push(listener);
    }
    assert_eq!(get(address, "/buttress/events").await.status, 503);
    assert_eq!(get(address, "/buttress/snapshot").await.status, 200);
    // Who leaves makes room: at the latest with the next update, which cannot be sent.
    listeners.pop();
    for _ in 0..600 {
        let mut listener = Listener::new(address).await;
        if listener.until("\r\n\r\n").await.contains("200 OK") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody made room");
}

#[tokio::test]
async fn a_page_that_comes_later_sees_what_was_before() {
    let bulkhead = Bulkhead::new(8).named("with a past");
    let address = serve(Admin::new()).await;
    let mut listener = Listener::new(address).await;
    listener.update().await;
    for _ in 0..50 {
        bulkhead.try_admit().unwrap().complete();
    }
    listener.update().await;
    listener.update().await;
    let history = engine(address, "bulkhead", "with a past").await.unwrap()["history"]["calls"].clone();
    let calls: f64 = history.as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).sum();
    assert!((45.0..=55.0).contains(&calls), "{history}");
}
