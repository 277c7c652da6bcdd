//! An upstream fails, and three ways of calling it are watched side by side.
//!
//! `cargo run --release --package storm`; `-- --help` tells what else there is.
#![expect(unreachable_pub, reason = "a program, whose modules use each other")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "it measures real time, from outside the library")]

mod ablation;
#[cfg(feature = "admin")]
mod admin;
mod args;
mod arrivals;
mod chart;
mod check;
mod client;
mod figures;
mod findings;
mod lane;
mod lateness;
mod live;
mod narrate;
mod plans;
mod promises;
mod record;
mod report;
mod run;
mod scene;
mod series;
mod server;
mod stack;
mod table;
mod upstream;
mod words;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::live::Live;
use crate::report::Run;
use crate::scene::Scene;
use crate::words::wrapped;

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    // A storm holds thousands of connections open at once.
    rlimit::increase_nofile_limit(u64::MAX)?;
    if args.check {
        return check::check(args.seed);
    }
    let _page = args.admin.map(page).transpose()?;
    if args.ablation {
        ablation::ablation(&args)?;
    } else {
        show(&args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves the admin page until it is dropped.
#[cfg(feature = "admin")]
fn page(port: u16) -> io::Result<admin::Page> {
    let page = admin::Page::serve(port)?;
    println!("The admin page: {}\nIts token: {}\n", page.address, page.token);
    Ok(page)
}

#[cfg(not(feature = "admin"))]
fn page(_port: u16) -> io::Result<()> {
    Err(io::Error::other(
        "the admin page needs its feature: cargo run --release --package storm --features admin -- --admin",
    ))
}

/// Runs the chosen scenes before the eyes of a person and writes the report.
fn show(args: &Args) -> io::Result<()> {
    let scenes = Scene::named(args.scene, args.quick);
    introduce(args, &scenes);
    let mut runs = Vec::new();
    for scene in scenes {
        println!();
        say(&format!("{}: ", scene.name), &scene.story);
        let plans = plans::side_by_side(&scene, args);
        for plan in &plans {
            say(&format!("  {} ", plan.name.letter), &plan.explain());
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
    println!("\nThe report: {}", folder.join("report.html").display());
    Ok(())
}

fn introduce(args: &Args, scenes: &[Scene]) {
    let seconds: u64 = scenes.iter().map(|scene| scene.length().as_secs()).sum();
    println!("Storm: {seconds} s, seed {}.", args.seed);
    if args.quick {
        say(
            "",
            "Quick: the calm is shorter than the breaker's window of 10 s, which therefore holds less good history \
             when the fault begins than it would in practice.",
        );
    }
    if scenes.iter().all(Scene::is_about_servers) {
        return;
    }
    let upstream = if args.upstream_cancels {
        "The upstream stops work on requests whose client has given up, as an axum handler does."
    } else {
        "The upstream goes on with requests whose client has given up, as most proxies and databases do and an axum \
         handler does not (--upstream-cancels)."
    };
    say("", upstream);
}

fn conclude(run: &Run) {
    println!();
    println!("{}", table::table(&run.figures));
    for sentence in run.figures.iter().flat_map(findings::findings) {
        say("- ", &sentence);
    }
    say("", &report::lateness(run));
}

fn say(first: &str, sentence: &str) {
    println!("{}", wrapped(first, sentence));
}
