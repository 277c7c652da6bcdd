//! A trial call that never answers, and is kept.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::breaker::{Ask, Asked, Breaker, Outcome};
use super::breakers::opening_for;
use super::{Cell, Scene, SceneRow};
use crate::report::words::seconds;

const OPEN: Duration = Duration::from_secs(1);
/// Calls offered to a half-open breaker.
const OFFERED: usize = 100;

pub async fn scene(quick: bool) -> Scene {
    let patience = if quick { 3 * OPEN } else { 20 * OPEN };
    let ones = opening_for(OPEN).into_iter().map(|breaker| tokio::spawn(after(breaker, 1, patience)));
    let alls = opening_for(OPEN).into_iter().map(|breaker| tokio::spawn(after(breaker, OFFERED, patience)));
    let (ones, alls): (Vec<_>, Vec<_>) = (ones.collect(), alls.collect());
    let mut rows = Vec::new();
    for (one, all) in ones.into_iter().zip(alls) {
        let (one, all) = (one.await.expect("no task panics"), all.await.expect("no task panics"));
        let let_in = Cell::new(all.hung as f64, all.hung.to_string());
        rows.push(SceneRow {
            maker: all.breaker.maker,
            what: all.breaker.what,
            cells: vec![let_in, one.again, all.again],
        });
    }
    Scene {
        id: "hung",
        title: "Half-open",
        about: "after an open time of 1 s, otherwise with default settings; trial calls hang and are kept."
            .into(),
        columns: [
            "let in at once, of 100",
            "one hangs: healthy calls let in again",
            "all let in hang: healthy calls let in again",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    }
}

struct After {
    breaker: Breaker,
    hung: usize,
    again: Cell,
}

/// Opens it, waits, lets up to so many trial calls hang, and then makes healthy calls.
async fn after(breaker: Breaker, most: usize, patience: Duration) -> After {
    open(&breaker).await;
    let (start, held) = trials(&breaker, most).await;
    let again = loop {
        if breaker.ask(Ask::Succeed).await == Outcome::Answered {
            let took = start.elapsed().as_secs_f64();
            let text = if took < 0.05 { "at once".into() } else { format!("after {}", seconds(took)) };
            break Cell::new(took, text);
        }
        if start.elapsed() >= patience {
            break Cell::none(format!("not within {}", seconds(patience.as_secs_f64())));
        }
        sleep(Duration::from_millis(10)).await;
    };
    After { breaker, hung: held.len(), again }
}

/// Some want their failures to last a while.
async fn open(breaker: &Breaker) {
    for _ in 0..1_000 {
        if breaker.ask(Ask::Fail).await == Outcome::Refused {
            return;
        }
        sleep(Duration::from_millis(2)).await;
    }
    panic!("{:?} does not open", breaker.maker);
}

/// Waits for the first trial call that is let in, and offers others right after it. Tells when it was let in: whoever
/// forgets a hung call counts from there.
async fn trials(breaker: &Breaker, most: usize) -> (Instant, Vec<Asked>) {
    let until = Instant::now() + 4 * OPEN;
    loop {
        let begin = Instant::now();
        let mut held = breaker.hang(1).await;
        if !held.is_empty() || begin >= until {
            held.extend(breaker.hang(most - 1).await);
            return (begin, held);
        }
        sleep(Duration::from_millis(2)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::breaker::tests::scripted;
    use super::*;

    /// Opens at the sixth call, is half-open after a second with `slots` for trial calls, and forgets those that
    /// hang after `forgets`.
    fn breaker(slots: usize, forgets: Duration) -> Breaker {
        let (mut opened, mut hung) = (None, vec![]);
        scripted(move |made, ask| {
            let now = Instant::now();
            if made < 5 {
                return false;
            }
            let half_open = now >= *opened.get_or_insert(now) + OPEN;
            hung.retain(|at| *at + forgets > now);
            let refused = !half_open || hung.len() >= slots;
            if !refused && ask == Ask::Hang {
                hung.push(now);
            }
            refused
        })
    }

    #[tokio::test(start_paused = true)]
    async fn tells_how_many_are_let_in_and_when_again() {
        let long = 100 * OPEN;
        let of = async |slots, forgets, most| {
            let after = after(breaker(slots, forgets), most, 20 * OPEN).await;
            (after.hung, after.again.text)
        };
        assert_eq!(of(5, long, 1).await, (1, "at once".to_owned()));
        assert_eq!(of(5, long, OFFERED).await, (5, "not within 20.0 s".to_owned()));
        assert_eq!(of(1, 3 * OPEN, 1).await, (1, "after 3.0 s".to_owned()));
        assert_eq!(of(1, 3 * OPEN, OFFERED).await, (1, "after 3.0 s".to_owned()));
        assert_eq!(of(usize::MAX, long, OFFERED).await, (OFFERED, "at once".to_owned()));
    }
}
