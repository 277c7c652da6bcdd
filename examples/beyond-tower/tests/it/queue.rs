use std::net::SocketAddr;
use std::time::Duration;

use beyond_tower::queue::{Consumer, Dead, Message};
use buttress::circuit_breaker::Outage;
use buttress::{Backoff, CircuitBreaker, CircuitState, Jitter, Retry};
use reqwest::Client;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use super::support::{Scripted, quick};

const MS: Duration = Duration::from_millis(1);

struct Desk {
    queue: mpsc::Sender<Message>,
    dead: mpsc::Receiver<Dead>,
    consumer: Consumer,
}

impl Desk {
    fn new(address: SocketAddr) -> (Self, mpsc::Receiver<Message>) {
        let (queue, messages) = mpsc::channel(8);
        let (dead_letters, dead) = mpsc::channel(8);
        let url = format!("http://{address}/").parse().unwrap();
        let mut consumer = Consumer::new("orders", Client::new(), url, dead_letters);
        let policy = consumer.retry.policy().max_attempts(3).backoff(Backoff::constant(MS));
        consumer.retry = Retry::new(policy);
        consumer.circuit_breaker = CircuitBreaker::new(quick());
        (Self { queue, dead, consumer }, messages)
    }

    async fn put(&self, id: &str) {
        self.queue.send(message(id)).await.unwrap();
    }

    /// Runs the consumer until it has worked off what is in the queue, and returns the dead letters.
    async fn work_off(self, messages: mpsc::Receiver<Message>) -> Vec<Dead> {
        let Self { queue, mut dead, consumer } = self;
        drop(queue);
        consumer.run(messages).await;
        drop(consumer);
        let mut letters = Vec::new();
        while let Some(letter) = dead.recv().await {
            letters.push(letter);
        }
        letters
    }
}

fn message(id: &str) -> Message {
    Message { id: id.to_owned(), body: format!("body of {id}") }
}

fn keys(server: &Scripted) -> Vec<String> {
    let key = |seen: super::support::Seen| seen.headers["idempotency-key"].to_str().unwrap().to_owned();
    server.seen().into_iter().map(key).collect()
}

#[tokio::test]
async fn nothing_is_taken_while_the_circuit_is_open() {
    let (server, address) = Scripted::serve(&[200]).await;
    let (desk, messages) = Desk::new(address);
    let breaker = desk.consumer.circuit_breaker.clone();
    breaker.isolate();
    desk.put("1").await;
    desk.put("2").await;
    let (queue, room) = (desk.queue.clone(), desk.queue.capacity());
    let consumer = tokio::spawn(desk.work_off(messages));
    for _ in 0..1_000 {
        yield_now().await;
    }
    assert_eq!((queue.capacity(), server.count()), (room, 0), "a message was taken");
    drop(queue);
    breaker.automatic();
    assert_eq!(consumer.await.unwrap(), []);
    assert_eq!(keys(&server), ["\"1\"", "\"2\""]);
    let counts = breaker.snapshot();
    assert_eq!((counts.succeeded, counts.cancelled, counts.rejected), (2, 0, 0), "{counts:?}");
}

#[tokio::test]
async fn all_attempts_of_a_message_have_one_key_and_one_body() {
    let (server, address) = Scripted::serve(&[503, 500, 200]).await;
    let (desk, messages) = Desk::new(address);
    desk.put("1").await;
    desk.put("2").await;
    assert_eq!(desk.work_off(messages).await, []);
    assert_eq!(keys(&server), ["\"1\"", "\"1\"", "\"1\"", "\"2\""]);
    assert!(server.seen()[..3].iter().all(|seen| seen.body == "body of 1"));
}

#[tokio::test]
async fn what_cannot_be_delivered_is_handed_on() {
    // Three attempts; one that is not repeated; one that succeeds.
    let (server, address) = Scripted::serve(&[503, 503, 503, 400, 200]).await;
    let (desk, messages) = Desk::new(address);
    for id in ["1", "2", "3"] {
        desk.put(id).await;
    }
    let dead = desk.work_off(messages).await;
    let told = dead.iter().map(|dead| (dead.message.clone(), dead.reason.as_str())).collect::<Vec<_>>();
    let expected = [(message("1"), "503 Service Unavailable"), (message("2"), "400 Bad Request")];
    assert_eq!((told, server.count()), (expected.to_vec(), 5));
}

#[tokio::test]
async fn a_message_whose_id_can_be_no_key_holds_up_nothing() {
    let (server, address) = Scripted::serve(&[200]).await;
    let (desk, messages) = Desk::new(address);
    desk.put("1\n").await;
    desk.put("2").await;
    let dead = desk.work_off(messages).await;
    assert_eq!((dead.len(), &dead[0].message), (1, &message("1\n")));
    assert!(dead[0].reason.starts_with("its id can be no key"), "{dead:?}");
    assert_eq!(keys(&server), ["\"2\""]);
}

/// As in an outage: the circuit opens between two attempts, and the message that is in hand waits.
#[tokio::test]
async fn an_outage_stops_the_queue_and_costs_no_message() {
    let (server, address) = Scripted::serve(&[503, 503, 200]).await;
    let (mut desk, messages) = Desk::new(address);
    let config = quick().min_calls(2).open_time(MS);
    desk.consumer.circuit_breaker = CircuitBreaker::new(config);
    let breaker = desk.consumer.circuit_breaker.clone();
    desk.put("1").await;
    desk.put("2").await;
    assert_eq!(desk.work_off(messages).await, []);
    assert_eq!(keys(&server), ["\"1\"", "\"1\"", "\"1\"", "\"2\""]);
    let counts = breaker.snapshot();
    assert_eq!((counts.opened, counts.failed, counts.rejected), (1, 2, 0), "{counts:?}");
}

/// With the settings that a consumer has by itself, but in a hurry.
#[tokio::test]
async fn a_message_outlives_several_trials_of_a_service_that_is_down() {
    let mut statuses = vec![503; 9];
    statuses.push(200);
    let (server, address) = Scripted::serve(&statuses).await;
    let (mut desk, messages) = Desk::new(address);
    let own = Consumer::new("orders", Client::new(), desk.consumer.url.clone(), mpsc::channel(1).0);
    let config = own.circuit_breaker.config().outage(Outage::new(3, MS)).open_time(MS);
    desk.consumer.circuit_breaker = CircuitBreaker::new(config);
    desk.consumer.retry =
        Retry::new(own.retry.policy().backoff(Backoff::constant(2 * MS)).jitter(Jitter::None));
    let breaker = desk.consumer.circuit_breaker.clone();
    desk.put("1").await;
    assert_eq!(desk.work_off(messages).await, []);
    assert_eq!(keys(&server), ["\"1\""; 10]);
    let counts = breaker.snapshot();
    assert_eq!((counts.state, counts.opened, counts.rejected), (CircuitState::Closed, 7, 0), "{counts:?}");
}
