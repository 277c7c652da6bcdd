//! A real Prometheus. What needs one fails without it, and is not left out.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A Prometheus of Debian's package `prometheus`, in a directory of its own. It ends with this.
pub struct Prometheus {
    address: String,
    _child: Child,
    _dir: Dir,
}

struct Dir(std::path::PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Prometheus {
    /// One that scrapes this address once a second, and knows the alerts.
    pub async fn start(target: &str) -> Self {
        let dir = Dir(std::env::temp_dir().join(format!("buttress-prometheus-{}", std::process::id())));
        // What a run that was killed has left behind.
        drop(std::fs::remove_dir_all(&dir.0));
        std::fs::create_dir_all(&dir.0).unwrap();
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/buttress.rules.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{rules}']\n\
             scrape_configs: [{{job_name: it, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        std::fs::write(dir.0.join("prometheus.yml"), config).unwrap();
        let mut child = Command::new("prometheus")
            .current_dir(&dir.0)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("prometheus is needed ({error}): install Debian's package `prometheus`, or run tests/run.sh as root")
            });
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = log.next_line().await.unwrap().expect("prometheus ended");
            if let Some((_, address)) = line.split_once("\"Listening on\" address=") {
                break address.trim().to_owned();
            }
        };
        // So that it does not wait for somebody to read.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { address, _child: child, _dir: dir }
    }

    pub async fn get(&self, path: &str) -> Json {
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        let mut answer = exchange(&self.address, &request).await;
        // It listens before it is ready.
        for _ in 0..1_200 {
            if !answer.starts_with("HTTP/1.0 503") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = exchange(&self.address, &request).await;
        }
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    pub async fn query(&self, query: &str) -> Vec<Json> {
        self.ask("query?", query).await
    }

    /// The answer to a query, asked in some way.
    pub async fn ask(&self, what: &str, query: &str) -> Vec<Json> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/{what}query={escaped}")).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// The answer as soon as there is one.
    pub async fn series(&self, query: &str) -> Vec<Json> {
        for _ in 0..240 {
            let series = self.query(query).await;
            if !series.is_empty() {
                return series;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("no answer within a minute: {query}");
    }
}

/// One request and its answer, head and all.
pub async fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
