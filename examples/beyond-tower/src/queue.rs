//! The consumer of a queue: it pauses while the service that it needs is down, and hands on what it cannot deliver.

use std::time::Duration;

use buttress::circuit_breaker::Outage;
use buttress::{
    Answer, Backoff, CircuitBreaker, CircuitBreakerConfig, ClassifyFn, Fault, Outcome, Retry, RetryPolicy,
    Verdict,
};
use reqwest::header::HeaderValue;
use reqwest::{Client, Method, Request, Response, Url};
use tokio::sync::mpsc;

/// What the queue holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Never changes, also when the queue delivers the message twice: by this the service knows what it has done already.
    pub id: String,
    /// For the service.
    pub body: String,
}

/// A message that was given up, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// As it came.
    pub message: Message,
    /// What came of the last attempt.
    pub reason: String,
}

/// Delivers each message to a service.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Of the service.
    pub circuit_breaker: CircuitBreaker,
    /// How often a message is tried.
    pub retry: Retry,
    /// With a timeout: what hangs holds up the queue.
    pub client: Client,
    /// Where the service takes messages.
    pub url: Url,
    /// Where messages go that cannot be delivered.
    pub dead_letters: mpsc::Sender<Dead>,
}

impl Consumer {
    /// Engines of this name, with settings for a queue.
    pub fn new(name: &'static str, client: Client, url: Url, dead_letters: mpsc::Sender<Dead>) -> Self {
        // The circuit opens before a message runs out of attempts, and then costs it one attempt each time that it is tried:
        // an outage of most of a minute stops the queue, and kills no message.
        let config = CircuitBreakerConfig::default()
            .outage(Outage::new(3, Duration::from_millis(100)))
            .trial_calls(1)
            .trial_successes(1);
        // No budget: the circuit bounds the load, and a message that is given up is more than a call that fails.
        let backoff = Backoff::exponential(Duration::from_millis(200)).cap(Duration::from_secs(5));
        let policy = RetryPolicy::default().max_attempts(10).backoff(backoff).budget(None);
        Self {
            circuit_breaker: CircuitBreaker::new(config).named(name),
            retry: Retry::new(policy).named(name),
            client,
            url,
            dead_letters,
        }
    }

    /// Runs until the queue is closed.
    pub async fn run(&self, mut queue: mpsc::Receiver<Message>) {
        loop {
            // While the circuit is open messages stay in the queue, where others may have them.
            self.circuit_breaker.ready().await;
            let Some(message) = queue.recv().await else { return };
            let reason = match HeaderValue::try_from(format!("\"{}\"", message.id)) {
                Ok(key) => failure(&self.deliver(&message, &key).await),
                Err(error) => Some(format!("its id can be no key: {error}")),
            };
            if let Some(reason) = reason {
                // A full dead-letter queue holds up the consumer: nothing is lost.
                let sent = self.dead_letters.send(Dead { message, reason }).await;
                sent.expect("whoever reads dead letters outlives the consumer");
            }
        }
    }

    /// Whatever says that the service is not well is tried again, a 500 too: the key makes that safe.
    async fn deliver(&self, message: &Message, key: &HeaderValue) -> Result<Response, reqwest::Error> {
        let again = ClassifyFn(|result: Result<&Response, &reqwest::Error>| {
            let verdict = result.map_or_else(Fault::verdict, Answer::verdict);
            verdict.repeatable(verdict.outcome() == Outcome::Failure || verdict.may_repeat())
        });
        self.retry.run_by(&again, || self.attempt(message, key)).await
    }

    /// A message that is in hand waits as well: an open circuit costs it none of its attempts.
    async fn attempt(&self, message: &Message, key: &HeaderValue) -> Result<Response, reqwest::Error> {
        let permit = self.circuit_breaker.acquire().await;
        let result = self.client.execute(self.request(message, key)).await;
        permit.settle(meaning(&result));
        result
    }

    /// The same key in all attempts, also in those of another consumer that gets the message after this one died.
    fn request(&self, message: &Message, key: &HeaderValue) -> Request {
        let mut request = Request::new(Method::POST, self.url.clone());
        request.headers_mut().insert("idempotency-key", key.clone());
        *request.body_mut() = Some(message.body.clone().into());
        request
    }
}

fn meaning(result: &Result<Response, reqwest::Error>) -> Verdict {
    result.as_ref().map_or_else(Fault::verdict, Answer::verdict)
}

/// Why a message was not delivered. A 400 is the answer of a healthy service, and no better in the next attempt.
fn failure(result: &Result<Response, reqwest::Error>) -> Option<String> {
    match result {
        Ok(response) if response.status().is_success() => None,
        Ok(response) => Some(response.status().to_string()),
        Err(error) => Some(format!("{}: {error}", meaning(result).cause())),
    }
}
