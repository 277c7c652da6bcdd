//! Repeats what failed, as long as the budget allows it.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::sync::atomic::{AtomicU64, Ordering};

use buttress::{BoxError, BudgetConfig, Replay, RetryLayer, RetryPolicy};
use tower::{Service, ServiceBuilder, service_fn};

/// A request of our own: retry asks it whether it can, and may, be sent again.
#[derive(Clone)]
struct Lookup(&'static str);

impl Replay for Lookup {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn repeatable(&self) -> bool {
        true
    }
}

static ATTEMPTS: AtomicU64 = AtomicU64::new(0);

/// Fails every other time, and then for good.
async fn prices(lookup: Lookup) -> Result<String, BoxError> {
    match ATTEMPTS.fetch_add(1, Ordering::Relaxed) {
        n if n < 6 && n % 2 == 1 => Ok(format!("the price of {} is 7", lookup.0)),
        _ => Err("no answer".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let policy = RetryPolicy::default().max_attempts(3).budget(BudgetConfig::default().capacity(7));
    let layer = RetryLayer::new(policy).name("prices");
    let mut service = ServiceBuilder::new().layer(layer.clone()).service(service_fn(prices));

    for call in 1..=9 {
        let before = ATTEMPTS.load(Ordering::Relaxed);
        let result = service.ready().await?.call(Lookup("tea")).await;
        let attempts = ATTEMPTS.load(Ordering::Relaxed) - before;
        println!("call {call}: {attempts} attempts, {result:?}");
    }

    let counts = layer.retry().snapshot();
    println!(
        "{} calls, {} attempts: {} recovered, {} ran out of attempts, {} out of budget",
        counts.calls, counts.attempts, counts.recovered, counts.attempts_exhausted, counts.budget_exhausted
    );
    println!("In an outage the budget lets the calls through, and hardly any repeats.");
    Ok(())
}
