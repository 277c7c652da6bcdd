use std::net::SocketAddr;

use axum::Router;
use buttress::admin::Admin;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const TOKEN: &str = "a-token-for-tests";

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(header, _)| *header == name).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Serves the page below `/buttress`, for as long as the test runs.
pub async fn serve(admin: Admin) -> SocketAddr {
    serve_router(Router::new().nest_service("/buttress", admin.router())).await
}

pub async fn serve_router(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub async fn connect(address: SocketAddr, head: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
    stream
}

/// Sends exactly this head and body. The head has to ask to close the connection.
pub async fn exchange(address: SocketAddr, head: &str, body: &str) -> Answer {
    let mut answer = Vec::new();
    // Who is refused early may find the connection closed before it has sent all of its body.
    let _ = connect(address, head, body).await.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {head}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close"), "").await
}

/// A request as the page sends it.
pub async fn post(address: SocketAddr, body: &Value) -> Answer {
    let body = body.to_string();
    let head = format!(
        "POST /buttress/overrides HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\nconnection: close\r\n\
         content-type: application/json\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}",
        body.len()
    );
    exchange(address, &head, &body).await
}

/// What the snapshot tells of an engine.
pub async fn engine(address: SocketAddr, layer: &str, name: &str) -> Option<Value> {
    let snapshot = get(address, "/buttress/snapshot").await.json();
    let engines = snapshot["engines"].as_array().unwrap();
    engines.iter().find(|engine| engine["layer"] == layer && engine["name"] == name).cloned()
}
