//! The report for readers.

use super::Report;
use super::ratio::{against_best, faster, of, title};
use super::words::{count, nanos, thousands};
use crate::behaviour::Scene;
use crate::rounds::{RowResult, SubjectResult};
use crate::subjects::Maker;

const COMMAND: &str = "cargo run --release --manifest-path benches/peers/Cargo.toml";
const COLUMNS: [Maker; 4] = [Maker::Buttress, Maker::Tower, Maker::TowerResilience, Maker::Seatbelt];

/// The head of the column of ratios.
const AGAINST: &str = "against the best tower layer";

const SETTINGS: &str = include_str!("settings.md");

/// The whole report.
pub fn full(report: &Report) -> String {
    let mut text = format!(
        "# Buttress and its peers\n\nWritten by `{COMMAND}`.\n{}\n\n![What a call costs](peers.svg)\n\n{}\n\n",
        report.machine.line(),
        short(report)
    );
    text.push_str("## Where a peer is faster\n\n");
    text.push_str(&where_faster(&report.rows));
    text.push_str("\n## What a call costs, in detail\n\n");
    text.push_str(&about(report));
    text.push_str(&table(&detail(&report.rows)));
    text.push_str("\n## How each is set up\n\n");
    text.push_str(SETTINGS);
    text
}

/// What the README shows: a line for each row, and the scenes.
pub fn short(report: &Report) -> String {
    let mut text = String::from(
        "What a call costs above the bare service (median), and how many allocations it makes if any:\n\n",
    );
    text.push_str(&table(&matrix(report)));
    for scene in &report.scenes {
        text.push_str(&format!("\n**{}** {}\n\n", scene.title, scene.about));
        text.push_str(&table(&scene_rows(scene)));
    }
    text.trim_end().to_owned()
}

/// What goes into the README: the picture too, as seen from there.
pub fn block(report: &Report) -> String {
    format!(
        "![What one call costs above the bare service, Buttress and its peers](docs/peers/peers.svg)\n\n{}\n\n\
         [docs/peers/peers.md](docs/peers/peers.md) has the details, and where a peer is faster.\n{}",
        short(report),
        report.machine.line()
    )
}

fn about(report: &Report) -> String {
    format!(
        "{} rounds of {} ms each, all subjects in turn and another one first in each round, so that whatever the machine \
         does happens to all. A figure is the time per call over that of the bare service in the same round: the median \
         of the rounds and, in brackets, their 10th and 90th percentiles. Two are compared round by round, too: they \
         are *about the same* if their difference is zero within those percentiles. A round in which the kernel let somebody else run on the processor is taken \
         again, up to four times. Requests and answers are `u64`; one `ready().await` and one `call().await` each, on \
         a runtime of one thread. *Core only* means that there is no tower layer: its own call is made around the same \
         service. The size of a future is what it adds to that of the inner one; one that is boxed shows it in the \
         bytes.\n\n",
        report.plan.rounds, report.plan.millis
    )
}

/// Rows against crates.
fn matrix(report: &Report) -> Vec<Vec<String>> {
    let versioned = |maker: Maker| format!("{} {}", maker.name(), report.versions.of(maker));
    let mut head = vec![String::new()];
    head.extend(COLUMNS.map(versioned));
    head.extend(["others", AGAINST].map(str::to_owned));
    let mut rows = vec![head];
    rows.extend(report.rows.iter().map(cells));
    rows
}

fn cells(row: &RowResult) -> Vec<String> {
    let mut cells = vec![row.title.to_owned()];
    for maker in COLUMNS {
        cells.push(of(row, maker).map_or("none".into(), |subject| shown(row, subject)));
    }
    let others = row.subjects.iter().filter(|subject| !COLUMNS.contains(&subject.maker));
    let others: Vec<_> =
        others.map(|subject| format!("{} {}", subject.maker.name(), cell(subject))).collect();
    cells.push(if others.is_empty() { "–".into() } else { others.join(", ") });
    cells.push(against_best(row));
    cells
}

/// Says which it is, where the crate has several.
fn shown(row: &RowResult, subject: &SubjectResult) -> String {
    let several = row.subjects.iter().filter(|other| other.maker == subject.maker).count() > 1;
    let what =
        if several && !subject.what.is_empty() { format!("{}: ", subject.what) } else { String::new() };
    format!("{what}{}", cell(subject))
}

fn cell(subject: &SubjectResult) -> String {
    let mut text = nanos(subject.over_ns.median);
    if subject.maker == Maker::Buttress {
        text = format!("**{text}**");
    }
    if let Some(traffic) = subject.calls_per_second {
        text.push_str(&format!(" at {} calls/s", thousands(traffic as u64)));
    }
    if subject.allocations >= 0.05 {
        text.push_str(&format!(", {} alloc.", count(subject.allocations)));
    }
    if let Some(bytes) = subject.bytes_per_key {
        text.push_str(&format!(", {bytes:.0} B per key"));
    }
    if !subject.whole {
        text.push_str(", in part");
    }
    if subject.core {
        text.push_str(" (core only)");
    }
    text
}

fn detail(rows: &[RowResult]) -> Vec<Vec<String>> {
    let head = ["", "who", "over the bare service", "allocations", "bytes", "future", AGAINST, "note"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        let core = row.bare_core_ns.map(|bare| format!("; for cores {}", nanos(bare.median)));
        let bare = format!("bare service: {}{}", nanos(row.bare_ns.median), core.unwrap_or_default());
        let mut first = vec![format!("**{}**", row.title), bare];
        first.resize(head.len(), String::new());
        table.push(first);
        table.extend(row.subjects.iter().map(|subject| line(row, subject)));
    }
    table
}

fn line(row: &RowResult, subject: &SubjectResult) -> Vec<String> {
    let spread = subject.over_ns;
    let range = format!("{} ({} … {})", nanos(spread.median), nanos(spread.p10), nanos(spread.p90));
    let mut notes: Vec<String> = Vec::new();
    if subject.core {
        notes.push("core only".into());
    }
    if !subject.whole {
        notes.push("in part".into());
    }
    if !subject.note.is_empty() {
        notes.push(subject.note.into());
    }
    if let Some(traffic) = subject.calls_per_second {
        notes.push(format!("here {} calls per second", thousands(traffic as u64)));
    }
    if let Some(bytes) = subject.bytes_per_key {
        notes.push(format!("{bytes:.0} bytes per key"));
    }
    vec![
        String::new(),
        title(subject),
        range,
        count(subject.allocations),
        count(subject.bytes),
        subject.future_bytes.map_or("–".into(), |bytes| format!("{bytes:+}")),
        if subject.maker == Maker::Buttress { against_best(row) } else { String::new() },
        notes.join("; "),
    ]
}

fn where_faster(rows: &[RowResult]) -> String {
    let mut text = String::new();
    for row in rows {
        for who in faster(row) {
            text.push_str(&format!("- {}: {who}.\n", row.title));
        }
    }
    if text.is_empty() { "Nowhere in this run.\n".into() } else { text }
}

fn scene_rows(scene: &Scene) -> Vec<Vec<String>> {
    let mut head = vec![String::new()];
    head.extend(scene.columns.iter().cloned());
    let mut rows = vec![head];
    for row in &scene.rows {
        let mut name = row.maker.name().to_owned();
        if !row.what.is_empty() {
            name = format!("{name}, {}", row.what);
        }
        let mut cells = vec![name];
        cells.extend(row.cells.iter().map(|cell| cell.text.clone()));
        rows.push(cells);
    }
    rows
}

/// The first row is the head.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if place == 0 {
            text.push_str(&format!("|{}\n", "---|".repeat(row.len())));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::ratio::tests::{row, subject};
    use super::*;

    #[test]
    fn a_table() {
        let rows = [vec![String::new(), "b".into()], vec!["c".into(), "d".into()]];
        assert_eq!(table(&rows), "|  | b |\n|---|---|\n| c | d |\n");
    }

    #[test]
    fn a_cell_says_what_one_has_to_know() {
        assert_eq!(cell(&subject(Maker::Buttress, 12.34)), "**12 ns**");
        let theirs =
            SubjectResult { allocations: 3.0, whole: false, ..subject(Maker::TowerResilience, 12_000.0) };
        assert_eq!(cell(&theirs), "12,000 ns, 3 alloc., in part");
        let grows =
            SubjectResult { calls_per_second: Some(1_234.0), ..subject(Maker::TowerResilience, 9_000.0) };
        assert_eq!(cell(&grows), "9,000 ns at 1,234 calls/s");
        let keyed = SubjectResult { core: true, bytes_per_key: Some(35.7), ..subject(Maker::Governor, 8.0) };
        assert_eq!(cell(&keyed), "8.0 ns, 36 B per key (core only)");
    }

    #[test]
    fn shows_the_fastest_of_a_crate_and_the_ratio_to_it() {
        let theirs = |what, nanos| SubjectResult { what, ..subject(Maker::TowerResilience, nanos) };
        let row = row(vec![subject(Maker::Buttress, 20.0), theirs("slow", 900.0), theirs("quick", 200.0)]);
        assert_eq!(
            cells(&row),
            ["a row", "**20 ns**", "none", "quick: 200 ns", "none", "–", "0.1× of tower-resilience"]
        );
    }

    #[test]
    fn says_plainly_where_a_peer_is_faster() {
        let slower = row(vec![subject(Maker::Buttress, 20.0), subject(Maker::Tower, 10.0)]);
        assert_eq!(where_faster(&[slower]), "- a row: tower at 10 ns against 20 ns.\n");
        assert_eq!(where_faster(&[row(vec![subject(Maker::Buttress, 20.0)])]), "Nowhere in this run.\n");
    }
}
