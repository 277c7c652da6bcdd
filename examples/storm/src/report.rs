//! What stays under `target/storm/` after a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use crate::chart::{self, Panels, picture};
use crate::figures::Figures;
use crate::findings::findings;
use crate::lateness::Late;
use crate::record::Record;
use crate::scene::Scene;
use crate::series;
use crate::table;

const STYLE: &str = include_str!("report.css");

/// What no picture here can show; said under each.
pub const NOT_SHOWN: &str = "What the pictures do not show: everything ran in one process on one machine, so \
    there is no network that loses or delays packets, no other user of the upstream, and no proof that a service \
    of yours behaves like this upstream; they show how the layers act, not how fast your service is.";

/// A scene that was run.
#[derive(Debug)]
pub struct Run {
    pub scene: Scene,
    pub records: Vec<Record>,
    pub figures: Vec<Figures>,
}

impl Run {
    pub fn of(scene: Scene, records: Vec<Record>) -> Self {
        let figures = records.iter().map(Figures::of).collect();
        Self { scene, records, figures }
    }

    pub fn late(&self) -> Late {
        self.figures.iter().map(|figures| figures.late).fold(Late::default(), Late::or)
    }
}

/// Where reports go: beside what cargo builds.
pub fn folder() -> io::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("storm");
    fs::create_dir_all(&folder)?;
    folder.canonicalize()
}

/// Writes `report.html`, `report.json` and `storm.svg`, and returns their folder.
pub fn write(runs: &[Run], settings: &str) -> io::Result<PathBuf> {
    let folder = folder()?;
    fs::write(folder.join("report.html"), page(runs, settings).into_string())?;
    fs::write(folder.join("report.json"), serde_json::to_vec_pretty(&json(runs, settings))?)?;
    if let Some(run) = runs.first() {
        fs::write(folder.join("storm.svg"), picture(&run.records, Panels::Short, true).into_string())?;
    }
    Ok(folder)
}

fn page(runs: &[Run], settings: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Storm" }
                style { (PreEscaped(chart::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Storm" }
                p { "An upstream that serves 400 requests per second gets 280, from four independent clients in each lane, \
                     and something happens to it. Each lane has an upstream of its own and differs only in what stands in \
                     front of its HTTP clients. Calls are sent when they are due, whatever became of the others, and \
                     their time counts from then." }
                @for run in runs { (section(run)) }
                p.note { (NOT_SHOWN) }
                p.note { "Made by " code { (settings) } "." }
            }
        }
    }
}

fn section(run: &Run) -> Markup {
    let mut rows = table::rows(&run.figures).into_iter();
    html! {
        section {
            h2 { (run.scene.name) }
            p { (run.scene.story) }
            ul { @for figures in &run.figures { @for sentence in findings(figures) { li { (sentence) } } } }
            figure { (picture(&run.records, Panels::All, false)) }
            div.wide {
                table {
                    thead { tr { @for cell in rows.next().unwrap_or_default() { th { (cell) } } } }
                    tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                }
            }
            p class=(if run.late().is_void() { "void" } else { "note" }) { (lateness(run)) }
        }
    }
}

/// How far a run can be trusted.
pub fn lateness(run: &Run) -> String {
    let late = run.late();
    let capital = if late.is_void() { "VOID, the machine is too busy" } else { "A fair run" };
    format!("{capital}: {late}.")
}

#[derive(Serialize)]
struct Report<'a> {
    made_by: &'a str,
    not_shown: &'a str,
    scenes: Vec<SceneReport<'a>>,
}

#[derive(Serialize)]
struct SceneReport<'a> {
    scene: &'a Scene,
    is_void: bool,
    findings: Vec<String>,
    lanes: Vec<LaneReport<'a>>,
}

#[derive(Serialize)]
struct LaneReport<'a> {
    figures: &'a Figures,
    goodput: series::Points,
    upstream: series::Points,
    abandoned: series::Points,
}

fn json<'a>(runs: &'a [Run], settings: &'a str) -> Report<'a> {
    let scene = |run: &'a Run| SceneReport {
        scene: &run.scene,
        is_void: run.late().is_void(),
        findings: run.figures.iter().flat_map(findings).collect(),
        lanes: run.records.iter().zip(&run.figures).map(|(record, figures)| lane(record, figures)).collect(),
    };
    Report { made_by: settings, not_shown: NOT_SHOWN, scenes: runs.iter().map(scene).collect() }
}

fn lane<'a>(record: &Record, figures: &'a Figures) -> LaneReport<'a> {
    LaneReport {
        figures,
        goodput: series::goodput(record),
        upstream: series::upstream(record),
        abandoned: series::abandoned(record),
    }
}
