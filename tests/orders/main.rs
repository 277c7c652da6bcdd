//! Every ordered pair and triple of layers, modes and tower's own services under mixed traffic, with controls that
//! switch modes and settings meanwhile. In the end nothing is left, the laws hold, and a healthy call passes; and each
//! mode has met each kind of traffic, and come to each outcome that it can.
//!
//! A process of its own: what it switches is told in the journal of the process, which other tests read.
//!
//! Of triples the usual run takes those of one mode of each kind of layer; with `BUTTRESS_DEEP=1` it takes all.

#![allow(clippy::disallowed_methods, reason = "tests read tokio's paused clock")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "nobody depends on a test")]
#![allow(clippy::print_stdout, reason = "it tells how much it did")]

#[path = "../support/dice.rs"]
#[allow(dead_code, reason = "it serves other tests as well")]
mod dice;
mod end;
#[path = "../support/laws.rs"]
mod laws;
mod meddle;
mod modes;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "it serves other tests as well")]
mod support;
mod tally;
mod traffic;

use modes::{ALL, BASE, Built, Mode};
use tally::Tally;
use tower::util::BoxCloneService;
use traffic::{Traffic, bottom};

/// In each order.
const CALLS: u32 = 200;
/// How often each mode has to have met each kind of traffic and each outcome.
const FLOOR: u64 = 5;
/// The names of the engines by their places, outermost first.
const PLACES: [&str; 3] = ["outer", "middle", "inner"];

async fn survives(order: &[Mode], meddle: bool, tally: &mut Tally) {
    let what: Vec<_> = order.iter().map(|(name, _)| *name).collect();
    let what = what.join(" over ");
    let mut built = Built::default();
    let (inner, probe) = bottom(&built.seen);
    built.probes.push(probe);
    let mut stack = BoxCloneService::new(inner);
    for (place, (name, make)) in order.iter().enumerate().rev() {
        stack = make(&mut built, PLACES[place], stack);
        built.owners.resize(built.engines.len(), name);
    }
    let seed =
        what.bytes().fold(u64::from(meddle), |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    Traffic::new(stack.clone(), &built, seed).run(&what, CALLS, meddle).await;
    tally.add(order, &built);
    end::nothing_is_left(&what, &built, meddle).await;
    end::a_healthy_call_passes(&what, stack, &built).await;
    end::no_task_is_left(&what).await;
}

fn is_deep() -> bool {
    std::env::var("BUTTRESS_DEEP").is_ok_and(|deep| deep == "1")
}

fn base() -> Vec<Mode> {
    ALL.iter().filter(|(name, _)| BASE.contains(name)).copied().collect()
}

#[tokio::test(start_paused = true)]
async fn co_10_all_pairs_survive_mixed_traffic() {
    traffic::quiet_panics();
    let mut tally = Tally::default();
    for a in ALL {
        for b in ALL {
            survives(&[*a, *b], false, &mut tally).await;
            survives(&[*a, *b], true, &mut tally).await;
        }
    }
    tally.check(CALLS, FLOOR);
}

#[tokio::test(start_paused = true)]
async fn co_10_triples_survive_mixed_traffic() {
    traffic::quiet_panics();
    let modes = if is_deep() { ALL.to_vec() } else { base() };
    let mut tally = Tally::default();
    for a in &modes {
        for b in &modes {
            for c in &modes {
                survives(&[*a, *b, *c], false, &mut tally).await;
                survives(&[*a, *b, *c], true, &mut tally).await;
            }
        }
    }
    tally.check(CALLS, FLOOR);
}
