//! The defaults, judged by what they do.

use std::time::Duration;

use buttress::{RetryLayer, RetryPolicy};
use tower::Layer;

use super::MS;
use crate::support::{Act, Strict, call};

const OUTAGE: u32 = 60;

/// Attempts while every call fails for a minute.
async fn attempts_in_an_outage(per_second: u32, seed: u64) -> u64 {
    let (inner, probe) = Strict::always(Act::ErrAfter(5 * MS));
    let layer = RetryLayer::new(RetryPolicy::default().seed(seed));
    let service = layer.layer(inner);
    for request in 0..per_second * OUTAGE {
        let mut service = service.clone();
        tokio::spawn(async move { call(&mut service, request.into()).await });
        tokio::time::sleep(Duration::from_secs(1) / per_second).await;
    }
    assert_eq!(layer.retry().snapshot().attempts, probe.calls());
    probe.calls()
}

#[tokio::test(start_paused = true)]
async fn rt_22_small_clients_in_an_outage() {
    for (per_second, whole, lasting) in [(5, 1.35, 1.31), (50, 1.13, 1.125)] {
        for seed in 0..5 {
            let calls = f64::from(per_second * OUTAGE);
            let attempts = attempts_in_an_outage(per_second, seed).await as f64;
            assert!(attempts <= calls * 1.1 + 60.0 + 15.0, "the model: {attempts}");
            assert!(attempts / calls <= whole, "{per_second}/s: {attempts} attempts");
            // What had been saved up is spent once; from then on this is the pace.
            let lasts = (attempts - 15.0) / calls;
            assert!(lasts <= lasting, "{per_second}/s: {lasts} without what was saved up");
            // The budget is a limit, not a ban.
            assert!(lasts >= lasting - 0.02, "{per_second}/s: {lasts} without what was saved up");
        }
    }
}
