//! Compares Buttress with the crates that do the same: what a call costs, and what each does when it matters.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml`

mod alloc;
mod behaviour;
mod lane;
mod measure;
mod report;
mod rounds;
mod rows;
mod stats;
mod subjects;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::report::machine::{Machine, Ticks, Versions};
use crate::report::{Report, json, markdown, readme, svg};
use crate::rounds::Plan;

/// Compares Buttress with the crates that do the same, in one run, and writes a report. Takes a few minutes.
#[derive(Debug, Parser)]
#[command(name = "peers", version)]
struct Args {
    /// About half a minute, to try it out; its figures are rough.
    #[arg(long)]
    quick: bool,

    /// How many rounds of the rows of cost. By default 300, or 20 if quick, and fewer when they take too long.
    #[arg(long)]
    rounds: Option<usize>,

    /// Only the rows of cost whose id begins so, and no scenes.
    #[arg(long, value_name = "PREFIX")]
    only: Option<String>,

    /// Where `peers.md`, `peers.json` and `peers.svg` go. By default into `docs/peers` if all of it is run in full,
    /// and nowhere otherwise.
    #[arg(long)]
    out: Option<PathBuf>,

    /// Also puts the short of it into this file, between `<!-- peers -->` and `<!-- /peers -->`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "only"])]
    readme: Option<PathBuf>,
}

/// What a reader of the project sees.
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/peers");

impl Args {
    fn out(&self) -> Option<PathBuf> {
        let in_full = !self.quick && self.only.is_none();
        self.out.clone().or_else(|| in_full.then(|| DOCS.into()))
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut plan = if args.quick {
        Plan { rounds: 20, millis: 4, seconds: 10 }
    } else {
        Plan { rounds: 300, millis: 4, seconds: 150 }
    };
    plan.rounds = args.rounds.unwrap_or(plan.rounds).max(1);
    let (start, before) = (Instant::now(), Ticks::now());
    let versions = Versions::locked();
    let most = plan.rounds;
    let only = args.only.as_deref().unwrap_or_default();
    let rows = rows::rows(only);
    ensure!(!rows.is_empty(), "no row's id begins with {only:?}");
    let rows = rounds::run(rows, &mut plan, &versions, |round| {
        if round % 10 == 0 {
            eprintln!("cost: round {round} of {most} after {:.0?}", start.elapsed());
        }
    });
    let scenes = if args.only.is_none() { behaviour::scenes(args.quick) } else { vec![] };
    eprintln!("done after {:.0?}", start.elapsed());
    let report = Report { machine: Machine::since(before), plan, versions, rows, scenes };
    if let Some(out) = args.out() {
        write(&report, &out)?;
    }
    if let Some(file) = &args.readme {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        fs::write(file, readme::replace(&text, &markdown::block(&report))?)?;
    }
    print!("{}", markdown::full(&report));
    Ok(())
}

fn write(report: &Report, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    fs::write(out.join("peers.md"), markdown::full(report))?;
    fs::write(out.join("peers.json"), json::json(report)?)?;
    fs::write(out.join("peers.svg"), svg::svg(report))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(args: &[&str]) -> Option<PathBuf> {
        let args = Args::try_parse_from([&["peers"], args].concat()).expect("valid arguments");
        args.out()
    }

    #[test]
    fn only_a_full_run_is_written_for_readers() {
        assert_eq!(out(&[]), Some(DOCS.into()));
        for args in [&["--quick"][..], &["--only", "rate"]] {
            assert_eq!(out(args), None, "{args:?}");
            assert_eq!(out(&[args, &["--out", "there"]].concat()), Some("there".into()));
            let readme = [&["peers", "--readme", "README.md"], args].concat();
            assert!(Args::try_parse_from(readme).is_err(), "{args:?}");
        }
    }
}
