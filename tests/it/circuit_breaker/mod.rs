mod acquire;
mod backpressure;
mod blog_post;
mod closed;
mod config;
mod control;
mod events;
mod half_open;
mod meaning;
mod open;

use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::{CircuitBreaker, CircuitBreakerConfig, CircuitState, Verdict};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The last 10 calls, all of which must be there, half of them; 10 s open, always; 3 trial calls of which 3
/// must succeed, 5 s each; no other rule.
fn plain() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
        .window(Window::last_calls(10))
        .min_calls(10)
        .outage(None)
        .trial_calls(3)
        .trial_successes(3)
        .trial_timeout(5 * SECOND)
        .open_time(10 * SECOND)
        .open_time_cap(60 * SECOND)
        .open_time_factor(1.0)
        .open_time_jitter(0.0)
        .cancelled_after(None)
}

/// With a single trial call.
fn one_trial() -> CircuitBreakerConfig {
    plain().trial_calls(1).trial_successes(1)
}

/// Makes calls that end at once: `S` success, `F` failure, `T` throttled, `I` ignored, `C` cancelled.
fn feed(breaker: &CircuitBreaker, script: &str) {
    for letter in script.chars() {
        let permit =
            breaker.try_admit().unwrap_or_else(|rejected| panic!("{letter} of {script}: {rejected}"));
        match letter {
            'S' => permit.settle(Verdict::success()),
            'F' => permit.settle(Verdict::failure("error")),
            'T' => permit.settle(Verdict::throttled()),
            'I' => permit.settle(Verdict::ignored("408")),
            _ => drop(permit),
        }
    }
}

fn opened(config: CircuitBreakerConfig) -> CircuitBreaker {
    let breaker = CircuitBreaker::new(config);
    let calls = breaker.config().min_calls;
    feed(&breaker, &"F".repeat(calls as usize));
    assert_eq!(breaker.state(), CircuitState::Open);
    breaker
}

/// Half-open as of the next call.
async fn rested(config: CircuitBreakerConfig) -> CircuitBreaker {
    let breaker = opened(config);
    tokio::time::advance(10 * SECOND).await;
    breaker
}

/// Fails, instead of waiting for ever, if nobody wakes it.
async fn soon<T>(waiting: tokio::task::JoinHandle<T>) -> T {
    tokio::time::timeout(Duration::from_secs(1_000_000), waiting).await.expect("it was never woken").unwrap()
}

fn assert_laws(breaker: &CircuitBreaker) {
    let s = breaker.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
    assert_eq!(s.admitted, ended + s.in_flight, "{s:?}");
}
