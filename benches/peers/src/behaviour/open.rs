//! How many failures it takes to open, after so many healthy calls.

use std::time::{Duration, Instant};

use super::breaker::{Ask, Breaker};
use super::breakers::of_the_last_hundred;
use super::{Cell, Scene};
use crate::measure::runtime;
use crate::report::words::thousands;
use crate::subjects::CALLS;

/// Longer than that nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn scene(quick: bool) -> Scene {
    let healthy: &[u64] = if quick { &[0, 1_000, 100_000] } else { &[0, 1_000, 100_000, 1_000_000] };
    // Each of them anew for each number, since opening changes them.
    let tries: Vec<Vec<Breaker>> = healthy.iter().map(|_| of_the_last_hundred()).collect();
    let rows = (0..tries[0].len()).map(|who| {
        let cells = healthy.iter().zip(&tries).map(|(&healthy, breakers)| failures(&breakers[who], healthy));
        tries[0][who].row(cells.collect())
    });
    Scene {
        id: "open",
        title: "Failures in a row until it opens",
        about: format!(
            "after so many healthy calls; set to {CALLS} calls and 50 %. seatbelt and failsafe have no \
             window of calls. A window of 10 s holds all those healthy calls, and half of what it holds has to fail: \
             as many failures as healthy calls are arithmetic there, and no fault."
        ),
        columns: healthy.iter().map(|healthy| format!("{} before", thousands(*healthy))).collect(),
        rows: rows.collect(),
    }
}

fn failures(breaker: &Breaker, healthy: u64) -> Cell {
    let most = 2 * healthy + 1_000;
    runtime().block_on(async {
        for _ in 0..healthy {
            breaker.ask(Ask::Succeed).await;
        }
        let until = Instant::now() + PATIENCE;
        let mut failed = 0;
        while failed < most && Instant::now() < until {
            let some = 1_000.min(most - failed);
            if let Some(more) = breaker.open(some).await {
                let took = failed + more;
                return Cell::new(took as f64, thousands(took));
            }
            failed += some;
        }
        Cell::none(format!("not within {}", thousands(failed)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::breaker::tests::scripted;
    use super::*;

    #[test]
    fn counts_the_failures_it_took() {
        // Opens at the 1,207th call, of which 5 were healthy.
        assert_eq!(failures(&scripted(|made, _| made >= 1_207), 5).text, "not within 1,010");
        assert_eq!(failures(&scripted(|made, _| made >= 1_207), 500), Cell::new(707.0, "707"));
    }
}
