//! Takes the recommended stack apart, one layer at a time.

use std::fmt::Write;
use std::fs;
use std::io;

use crate::args::Args;
use crate::figures::FaultFigures;
use crate::lane::Plan;
use crate::live::Live;
use crate::record::LaneName;
use crate::report::{Run, folder, lateness};
use crate::run::run;
use crate::scene::{Scene, SceneName};
use crate::server::Server;
use crate::stack::{Part, Stack};
use crate::table::recovered;
use crate::words::percent;

/// Runs each scene with the full stack and with each layer missing, side by side.
pub fn ablation(args: &Args) -> io::Result<()> {
    let mut runs = Vec::new();
    let scenes = Scene::named(SceneName::All, args.quick);
    for scene in scenes.into_iter().filter(|scene| !scene.is_about_servers()) {
        println!("\n{}: {}\n", scene.name, scene.story);
        let plans = plans(&scene, args);
        let mut live = Live::new(scene.clone(), plans.len());
        let records = run(plans, &mut live)?;
        drop(live);
        runs.push(Run::of(scene, records));
    }
    let text = text(&runs);
    println!("\n{text}");
    let file = folder()?.join("ablation.md");
    fs::write(&file, text)?;
    println!("{}", file.display());
    Ok(())
}

fn plans(scene: &Scene, args: &Args) -> Vec<Plan> {
    let server = if args.upstream_cancels { Server::Cancels } else { Server::GoesOn };
    let without = std::iter::once(None).chain(Part::ALL.map(Some));
    without
        .zip('0'..)
        .map(|(without, letter)| {
            let stack = Stack::Recommended { without };
            let name = LaneName { letter, title: stack.title() };
            Plan { name, scene: scene.clone(), stack, server, seed: args.seed }
        })
        .collect()
}

fn text(runs: &[Run]) -> String {
    let mut text = String::from(
        "# What each layer of the recommended stack is for\n\nThe full stack, and the stack less one layer, went \
         through the same scenes. A layer earns its line if something is clearly worse without it.\n",
    );
    for (layer, part) in Part::ALL.into_iter().enumerate() {
        let changes: Vec<_> = runs.iter().flat_map(|run| changes(run, layer + 1)).collect();
        let lines = |worse| changes.iter().filter(move |change| change.worse == worse);
        _ = writeln!(text, "\n## {}\n", part.words());
        if lines(true).count() == 0 {
            _ = writeln!(text, "**Nothing was clearly worse without it: it does not earn its line here.**");
        }
        for change in lines(true) {
            _ = writeln!(text, "- Worse without it: {}", change.words);
        }
        for change in lines(false) {
            _ = writeln!(text, "- Better without it: {}", change.words);
        }
    }
    for run in runs {
        _ = writeln!(text, "\n## Scene: {}\n\n{}\n", run.scene.name, run.scene.story);
        if run.late().is_void() {
            _ = writeln!(text, "{}\n", lateness(run));
        }
        text.push_str(&rows(run));
    }
    text
}

fn rows(run: &Run) -> String {
    let mut rows = String::from("| stack | answered | p50 | p99 | most waiting | most queued upstream |");
    let mut rule = String::from("\n|---|--:|--:|--:|--:|--:|");
    for fault in &run.figures[0].faults {
        _ = write!(rows, " {0}: answered | upstream requests per call | recovered after |", fault.fault.name);
        rule.push_str("--:|--:|--:|");
    }
    rows.push_str(&rule);
    for f in &run.figures {
        let (success, waiting, queue) = (percent(f.success), f.peak_waiting, f.peak_queue);
        _ = write!(
            rows,
            "\n| {} | {success} | {:.0} ms | {:.0} ms | {waiting} | {queue} |",
            f.lane.title, f.p50, f.p99
        );
        for fault in &f.faults {
            let recovered = if fault.has_after() { recovered(fault) } else { "–".into() };
            _ = write!(rows, " {} | {:.2} | {recovered} |", percent(fault.success), fault.amplification);
        }
    }
    rows.push('\n');
    rows
}

/// Something that is clearly different without a layer.
struct Change {
    worse: bool,
    words: String,
}

/// How clear a difference has to be: a share of the larger value, and an amount below which it is noise.
struct Clear {
    share: f64,
    amount: f64,
}

impl Clear {
    fn differs(&self, a: f64, b: f64) -> bool {
        let difference = (a - b).abs();
        difference >= self.amount && difference >= self.share * a.abs().max(b.abs())
    }
}

/// Compares one stack of a run with the full one, which is the first.
fn changes(run: &Run, number: usize) -> Vec<Change> {
    let (full, less) = (&run.figures[0], &run.figures[number]);
    let mut changes = Vec::new();
    let scene = run.scene.name;
    let mut compare = |what: &str,
                       clear: Clear,
                       more_is_worse: bool,
                       with: f64,
                       without: f64,
                       tell: &dyn Fn(f64) -> String| {
        if clear.differs(with, without) {
            let worse = (without > with) == more_is_worse;
            let words = format!("{what} in `{scene}`: {} with it, {} without", tell(with), tell(without));
            changes.push(Change { worse, words });
        }
    };
    let count = |value: f64| format!("{value:.0}");
    compare(
        "calls answered",
        Clear { share: 0.0, amount: 0.03 },
        false,
        full.success,
        less.success,
        &percent,
    );
    compare("time to any answer, p99", Clear { share: 0.2, amount: 50.0 }, true, full.p99, less.p99, &|ms| {
        format!("{ms:.0} ms")
    });
    let (with, without) = (full.peak_waiting as f64, less.peak_waiting as f64);
    compare("most calls waiting at once", Clear { share: 0.2, amount: 50.0 }, true, with, without, &count);
    let (with, without) = (full.peak_queue as f64, less.peak_queue as f64);
    compare(
        "most requests queued upstream",
        Clear { share: 0.2, amount: 100.0 },
        true,
        with,
        without,
        &count,
    );
    for (with, without) in full.faults.iter().zip(&less.faults) {
        let name = with.fault.name;
        let (a, b) = (with.amplification, without.amplification);
        let load = format!("upstream requests per call during the {name}");
        compare(&load, Clear { share: 0.1, amount: 0.1 }, true, a, b, &|n| format!("{n:.2}"));
        if with.has_after() {
            let never = with.fault.until - with.fault.to + 1.0;
            let time = |fault: &FaultFigures| fault.recovered.unwrap_or(never);
            let recovery = format!("time to recover from the {name}");
            let tell = |s: f64| if s >= never { "never in the run".into() } else { format!("{s:.1} s") };
            compare(&recovery, Clear { share: 0.2, amount: 1.5 }, true, time(with), time(without), &tell);
        }
    }
    changes
}
