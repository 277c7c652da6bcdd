//! An upstream fails, and three ways of calling it are watched side by side.
//!
//! `cargo run --release --example storm`; `-- --help` tells what else there is.
#![expect(unreachable_pub, reason = "a program, whose modules use each other")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "it measures real time, from outside the library")]

mod args;
mod chart;
mod client;
mod figures;
mod findings;
mod lane;
mod live;
mod narrate;
mod plans;
mod record;
mod report;
mod run;
mod scene;
mod series;
mod server;
mod stack;
mod table;
mod upstream;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::live::Live;
use crate::report::Run;
use crate::scene::Scene;

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    // A storm holds thousands of connections open at once.
    rlimit::increase_nofile_limit(u64::MAX)?;
    show(&args)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the chosen scenes before the eyes of a person and writes the report.
fn show(args: &Args) -> io::Result<()> {
    let scenes = Scene::named(args.scene, args.quick);
    introduce(args, &scenes);
    let mut runs = Vec::new();
    for scene in scenes {
        println!("\n{}: {}", scene.name, scene.story);
        let plans = plans::side_by_side(&scene, args);
        for plan in &plans {
            println!("  {} {}", plan.name.letter, plan.explain());
        }
        println!();
        let mut live = Live::new(scene.clone(), plans.len());
        let records = run::run(plans, &mut live)?;
        drop(live);
        let run = Run::of(scene, records);
        conclude(&run);
        runs.push(run);
    }
    let folder = report::write(&runs, &args.command())?;
    println!("\n{}", folder.join("report.html").display());
    Ok(())
}

fn introduce(args: &Args, scenes: &[Scene]) {
    let seconds: u64 = scenes.iter().map(|scene| scene.length().as_secs()).sum();
    println!("Storm: {seconds} s, seed {}.", args.seed);
    if args.quick {
        println!(
            "Quick: the calm is shorter than the 10 s window of a breaker, which therefore opens a little sooner."
        );
    }
    if args.upstream_cancels {
        println!("The upstream stops work on requests whose client has given up, as an axum handler does.");
    } else {
        println!(
            "The upstream goes on with requests whose client has given up, as most proxies and databases do and an \
             axum handler does not (--upstream-cancels)."
        );
    }
}

fn conclude(run: &Run) {
    println!();
    if run.is_void() {
        println!("{}\n", report::void(run));
    }
    println!("{}", table::table(&run.figures));
    for figures in &run.figures {
        for sentence in findings::findings(figures) {
            println!("- {sentence}");
        }
    }
    println!("The demo itself was late by {:.1} ms at p99.", run.lateness());
}
