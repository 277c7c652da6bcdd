//! The picture: bars on a logarithmic axis, a group for each row, ours first and then the peers, fastest first.

use maud::{Markup, PreEscaped, html};

use super::Report;
use super::ratio::title;
use super::words::{nanos, thousands};
use crate::rounds::{RowResult, SubjectResult};
use crate::subjects::Maker;

const STYLE: &str = include_str!("chart.css");
const WIDTH: f64 = 920.0;
const LEFT: f64 = 264.0;
const RIGHT: f64 = 104.0;
const HEAD: f64 = 92.0;
const GROUP: f64 = 30.0;
const BAR: f64 = 16.0;
const FOOT: f64 = 62.0;

pub fn svg(report: &Report) -> String {
    let rows: Vec<_> = report.rows.iter().filter(|row| row.charted).collect();
    let axis = Axis::of(&rows);
    let tall: f64 = rows.iter().map(|row| GROUP + BAR * row.subjects.len() as f64).sum();
    let height = HEAD + tall + FOOT;
    let mut y = HEAD;
    let groups: Vec<_> = rows
        .iter()
        .map(|row| {
            let group = group(row, axis, y);
            y += GROUP + BAR * row.subjects.len() as f64;
            group
        })
        .collect();
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label="What a call costs above the bare service, Buttress and its peers" {
            style { (PreEscaped(STYLE)) }
            defs {
                pattern id="core" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line class="hatch" x1="0" y1="0" x2="0" y2="5" {}
                }
            }
            rect class="paper" width=(WIDTH) height=(height) rx="6" {}
            text class="title" x="24" y="34" { "What one call costs above the bare service: shorter is better" }
            (legend())
            (axis.lines(HEAD, HEAD + tall))
            @for group in &groups { (group) }
            (foot(report, HEAD + tall))
        }
    };
    markup.into_string() + "\n"
}

fn legend() -> Markup {
    let entries = [
        ("ours", "Buttress"),
        ("peer", "peer, tower layer"),
        ("core", "peer, core only: no tower layer"),
        ("part", "peer, does a part of it"),
    ];
    let mut x = 24.0;
    html! {
        @for (class, words) in entries {
            rect class=(class) x=(x) y="50" width="22" height="11" {}
            text x=(x + 29.0) y="60" { (words) }
            ({ x += 29.0 + 7.1 * words.len() as f64 + 24.0; "" })
        }
    }
}

fn group(row: &RowResult, axis: Axis, top: f64) -> Markup {
    let mut subjects: Vec<_> = row.subjects.iter().collect();
    subjects.sort_by(|a, b| {
        let theirs = |subject: &SubjectResult| subject.maker != Maker::Buttress;
        theirs(a).cmp(&theirs(b)).then(a.over_ns.median.total_cmp(&b.over_ns.median))
    });
    html! {
        text class="group" x="24" y=(top + GROUP - 9.0) { (row.title) }
        @for (place, subject) in subjects.into_iter().enumerate() {
            (bar(subject, axis, (place as f64).mul_add(BAR, top + GROUP)))
        }
    }
}

fn bar(subject: &SubjectResult, axis: Axis, y: f64) -> Markup {
    let class = class(subject);
    let spread = subject.over_ns;
    let (low, end, high) = (axis.x(spread.p10), axis.x(spread.median), axis.x(spread.p90));
    let middle = y + 5.5;
    html! {
        text class=(if class == "ours" { "ours end" } else { "end" }) x=(LEFT - 8.0) y=(y + 10.0) { (title(subject)) }
        rect class=(class) x=(LEFT) y=(y) width=(round(end - LEFT)) height="11" {}
        line class="whisker" x1=(low) x2=(high) y1=(middle) y2=(middle) {}
        text class=(if class == "ours" { "ours" } else { "" }) x=(round(end.max(high) + 7.0)) y=(y + 10.0) {
            (nanos(spread.median))
        }
    }
}

fn class(subject: &SubjectResult) -> &'static str {
    match subject {
        SubjectResult { maker: Maker::Buttress, .. } => "ours",
        SubjectResult { whole: false, .. } => "part",
        SubjectResult { core: true, .. } => "core",
        _ => "peer",
    }
}

fn foot(report: &Report, y: f64) -> Markup {
    html! {
        text class="faint middle" x=(LEFT + (WIDTH - LEFT - RIGHT) / 2.0) y=(y + 30.0) {
            "ns per call, logarithmic; median, with the line from the 10th to the 90th percentile of "
            (thousands(report.plan.rounds as u64)) " rounds"
        }
        text class="faint" x="24" y=(y + 50.0) { (report.machine.line()) }
    }
}

/// From one nanosecond to the decade above the highest bar.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    decades: f64,
}

impl Axis {
    fn of(rows: &[&RowResult]) -> Self {
        let highest = rows.iter().flat_map(|row| &row.subjects).map(|subject| subject.over_ns.p90);
        Self { decades: highest.fold(10.0, f64::max).log10().ceil() }
    }

    /// What is below a nanosecond is drawn as one.
    fn x(self, value: f64) -> f64 {
        round((WIDTH - LEFT - RIGHT).mul_add(value.max(1.0).log10() / self.decades, LEFT))
    }

    fn lines(self, top: f64, bottom: f64) -> Markup {
        html! {
            @for decade in 0..=self.decades as u32 {
                @let value = 10_u64.pow(decade);
                @let x = self.x(value as f64);
                line class="rule" x1=(x) x2=(x) y1=(top) y2=(bottom) {}
                text class="faint middle" x=(x) y=(top - 6.0) { (thousands(value)) @if decade == 0 { " ns" } }
                text class="faint middle" x=(x) y=(bottom + 14.0) { (thousands(value)) }
            }
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::ratio::tests::{row, subject};
    use super::*;

    #[test]
    fn the_axis_is_logarithmic_and_holds_everything() {
        let row = row(vec![subject(Maker::Buttress, 20.0), subject(Maker::TowerResilience, 9_000.0)]);
        let axis = Axis::of(&[&row]);
        assert_eq!(axis, Axis { decades: 5.0 });
        assert_eq!([-3.0, 1.0].map(|value| axis.x(value)), [LEFT, LEFT]);
        let wide = axis.x(100.0) - axis.x(10.0);
        assert!((axis.x(10_000.0) - axis.x(1_000.0) - wide).abs() < 0.2);
        assert_eq!(axis.x(100_000.0), WIDTH - RIGHT);
    }

    #[test]
    fn ours_is_drawn_first_and_core_only_hatched() {
        let core = SubjectResult { core: true, ..subject(Maker::Recloser, 5.0) };
        let row = row(vec![core.clone(), subject(Maker::Buttress, 20.0)]);
        let text = group(&row, Axis { decades: 2.0 }, 0.0).into_string();
        assert!(text.find("buttress") < text.find("recloser"), "{text}");
        assert_eq!((class(&core), class(&row.subjects[1])), ("core", "ours"));
    }
}
