//! Holds the recommended stack to its promises.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use crate::figures::Figures;
use crate::lane::{Lane, Plan};
use crate::lateness::Late;
use crate::promises::{Bound, Promise, Scenes, promises};
use crate::record::LaneName;
use crate::run::{Watch, run};
use crate::scene::Scene;
use crate::server::Server;
use crate::stack::Stack;

const SEEDS: u64 = 5;
/// A run on a machine that is too busy says nothing. What was void is run again by itself, so many times in all. They are
/// few because each takes some 20 s: a machine that was busy for two minutes stays so.
const AGAIN: u32 = 6;
/// No promise was seen broken, but the machine was too busy to see all of them kept. The number is no other failure's: 2 is
/// that of arguments that are wrong, 101 a panic's.
const NO_VERDICT: u8 = 75;

struct Silence;

impl Watch for Silence {
    fn look(&mut self, _: f64, _: &[Arc<Lane>]) {}
}

/// Runs the quick scenes of each seed side by side. Fails if a promise is broken by any seed.
pub fn check(first: u64) -> io::Result<ExitCode> {
    println!("Storm: five seeds of the quick scenes, all scenes of a seed at once.");
    let mut seeds = Vec::new();
    let mut again = AGAIN;
    for seed in first..first + SEEDS {
        let Some(promises) = measured(seed, &mut again)? else { break };
        seeds.push(promises);
    }
    println!();
    let mut broken = 0;
    for number in 0..seeds.first().map_or(0, Vec::len) {
        broken += told(&seeds.iter().map(|promises| &promises[number]).collect::<Vec<_>>());
    }
    let void = SEEDS - seeds.len() as u64;
    Ok(if broken > 0 {
        println!("\nFAILED: {broken} promises broken");
        ExitCode::FAILURE
    } else if void > 0 {
        println!(
            "\nNO VERDICT: the machine was too busy for {void} of {SEEDS} seeds; nothing was seen broken."
        );
        ExitCode::from(NO_VERDICT)
    } else {
        println!("\nEvery promise is kept by every seed.");
        ExitCode::SUCCESS
    })
}

/// Measures one seed, and `None` if the demo was too late whenever it tried.
fn measured(seed: u64, again: &mut u32) -> io::Result<Option<Vec<Promise>>> {
    let mut scenes: Vec<_> = run(plans(seed), &mut Silence)?.iter().map(Figures::of).collect();
    for (figures, plan) in scenes.iter_mut().zip(plans(seed)) {
        while figures.late.is_void() && *again > 0 {
            *again -= 1;
            println!("seed {seed}: {} void, {}; once more, alone", plan.scene.name, figures.late);
            if let [record] = &run(vec![plan.clone()], &mut Silence)?[..] {
                *figures = Figures::of(record);
            }
        }
    }
    let late = scenes.iter().map(|figures| figures.late).fold(Late::default(), Late::or);
    let [brown_out, unprotected, blackout, partial, quota, surge] = &scenes[..] else { return Ok(None) };
    if late.is_void() {
        println!("seed {seed}: no verdict, {late}");
        return Ok(None);
    }
    let promises = promises(Scenes { brown_out, unprotected, blackout, partial, quota, surge });
    let broken = promises.iter().filter(|promise| !promise.is_kept()).count();
    println!("seed {seed}: {broken} promises broken; {late}");
    Ok(Some(promises))
}

fn plans(seed: u64) -> Vec<Plan> {
    let recommended = Stack::Recommended { without: None };
    [
        (Scene::brown_out(true), recommended, Server::GoesOn),
        (Scene::brown_out(true), Stack::Retries, Server::GoesOn),
        (Scene::blackout(true), recommended, Server::GoesOn),
        (Scene::partial(true), recommended, Server::GoesOn),
        (Scene::quota(true), recommended, Server::GoesOn),
        (Scene::surge(true), Stack::Timeout, Server::Axum { limited: true }),
    ]
    .into_iter()
    .map(|(scene, stack, server)| {
        let name = LaneName { letter: 'C', title: stack.title() };
        Plan { name, scene, stack, server, seed }
    })
    .collect()
}

/// Prints what came of one promise with each seed; returns 1 if it was broken.
fn told(seeds: &[&Promise]) -> usize {
    let kept = seeds.iter().all(|promise| promise.is_kept());
    let measured: Vec<_> =
        seeds.iter().map(|promise| promise.measured.map_or("never".into(), number)).collect();
    // Only a comparison with another lane has a bound that differs from seed to seed.
    let bound = match seeds[0].bound {
        Bound::AtMost(bound) => format!("≤ {}", number(bound)),
        Bound::AtLeast(bound) => format!("≥ {}", number(bound)),
        Bound::MoreThan(_) => {
            let bounds: Vec<_> = seeds.iter().filter_map(|promise| promise.other()).map(number).collect();
            format!("> {}", bounds.join(" "))
        }
    };
    println!(
        "{} {:<62} {:<30} {bound}",
        if kept { "ok    " } else { "BROKEN" },
        seeds[0].what,
        measured.join(" ")
    );
    usize::from(!kept)
}

fn number(value: f64) -> String {
    format!("{:.2}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
}
