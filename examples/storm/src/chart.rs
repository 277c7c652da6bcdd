//! Pictures of a scene, as SVG that needs nothing around it.

use maud::{Markup, PreEscaped, html};

use crate::record::{Circuit, Record, seconds};
use crate::scene::{CAPACITY, Fault, Manner, OFFERED, Scene};
use crate::series::{self, Points};
use crate::words::thousands;

pub const STYLE: &str = include_str!("chart.css");
const WIDTH: f64 = 880.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 36.0;
const HEAD: f64 = 34.0;
const TALL: f64 = 150.0;
const GAP: f64 = 54.0;
const ROW: f64 = 12.0;
/// Below so many abandoned requests there is nothing to see.
const MANY: f64 = 50.0;

/// Which panels a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panels {
    /// Goodput, upstream load and breakers.
    Short,
    /// Also the requests nobody waits for, if there were any worth a picture.
    All,
}

/// A picture of lanes that went through the same scene. With `style` it can stand in a file of its own.
pub fn picture(records: &[Record], panels: Panels, style: bool) -> Markup {
    let Some(first) = records.first() else { return Markup::default() };
    let scene = &first.scene;
    let frame = Frame { length: seconds(scene.length()), faults: scene.faults() };
    let lines = |series: fn(&Record) -> Points| {
        records.iter().map(|record| (record.lane.letter, series(record))).collect::<Vec<_>>()
    };
    let mut y = HEAD + 30.0;
    let mut parts = vec![legend(records)];
    let mut add = |markup: Markup, tall: f64| {
        parts.push(html! { g transform=(format!("translate(0 {y})")) { (markup) } });
        y += tall + GAP;
    };
    add(frame.panel("Calls answered, per second", &lines(series::goodput), None), TALL);
    add(
        frame.panel("Requests that reach the upstream, per second", &lines(series::upstream), limit(scene)),
        TALL,
    );
    let abandoned = lines(series::abandoned);
    let is_abandoned = abandoned.iter().flat_map(|(_, points)| points).any(|&(_, count)| count >= MANY);
    if panels == Panels::All && is_abandoned {
        add(frame.panel("Requests in the upstream that nobody waits for", &abandoned, None), TALL);
    }
    for record in records {
        let bands = series::bands(record);
        if !bands.is_empty() {
            let tall = bands.len() as f64 * ROW;
            add(frame.bands(record, &bands), tall + 4.0);
        }
    }
    let height = y - 22.0;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label=(scene.story) {
            @if style {
                style { (PreEscaped(STYLE)) }
            }
            defs {
                pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line class="hatch" x1="0" y1="0" x2="0" y2="5" {}
                }
            }
            rect class="paper" width=(WIDTH) height=(height) rx="6" {}
            @for part in &parts { (part) }
        }
    }
}

fn legend(records: &[Record]) -> Markup {
    html! {
        @for (place, record) in records.iter().enumerate() {
            @let x = (place as f64).mul_add(220.0, LEFT);
            @let class = class(record.lane.letter);
            line class=(format!("line {class}")) x1=(x) x2=(x + 30.0) y1="20" y2="20" {}
            text class=(class) x=(x + 38.0) y="24.5" { (record.lane.letter) " · " (record.lane.title) }
        }
    }
}

/// What the upstream can take, as a number and in words.
fn limit(scene: &Scene) -> Option<(f64, &'static str)> {
    let granted = scene.phases.iter().find_map(|phase| match phase.manner {
        Manner::Grants(rate) => Some((rate, "quota")),
        _ => None,
    });
    granted.or(Some((CAPACITY, "capacity")))
}

const fn class(letter: char) -> &'static str {
    match letter {
        'A' => "a",
        'B' => "b",
        _ => "c",
    }
}

/// What all panels of a picture share: the time.
struct Frame {
    length: f64,
    faults: Vec<Fault>,
}

impl Frame {
    fn x(&self, at: f64) -> f64 {
        round(LEFT + at / self.length * (WIDTH - LEFT - RIGHT))
    }

    fn panel(&self, title: &str, lines: &[(char, Points)], limit: Option<(f64, &str)>) -> Markup {
        let highest = lines.iter().flat_map(|(_, points)| points).map(|&(_, y)| y).fold(1.0, f64::max);
        let tick = nice(highest.max(limit.map_or(0.0, |limit| limit.0)) / 3.0);
        let top = (highest / tick).ceil().max(1.0) * tick;
        let top = limit.map_or(top, |limit| top.max((limit.0 / tick).ceil() * tick));
        let y = |value: f64| round(TALL - value / top * TALL);
        let ticks = (0..=(top / tick).round() as usize).map(|n| n as f64 * tick);
        let mut ends: Vec<_> =
            lines.iter().filter_map(|(letter, points)| Some((*letter, y(points.last()?.1)))).collect();
        part(&mut ends);
        html! {
            (self.shades(TALL))
            text class="title" x=(LEFT) y="-11" { (title) }
            @for value in ticks {
                line class="rule" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y(value)) y2=(y(value)) {}
                text class="faint end" x=(LEFT - 8.0) y=(y(value) + 4.5) { (amount(value)) }
            }
            (self.clock(TALL))
            @if let Some((value, word)) = limit {
                line class="limit" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y(value)) y2=(y(value)) {}
                // On the side where the lines of an undisturbed lane are not.
                @let beside = if value < OFFERED { 14.0 } else { -4.0 };
                text class="faint" x=(LEFT + 4.0) y=(y(value) + beside) { (word) " " (value) "/s" }
            }
            @for (letter, points) in lines {
                path class=(format!("line {}", class(*letter))) d=(self.path(points, y)) {}
            }
            @for (letter, y) in ends {
                text class=(class(letter)) x=(WIDTH - RIGHT + 8.0) y=(y + 4.5) { (letter) }
            }
        }
    }

    fn path(&self, points: &Points, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        for (n, &(at, value)) in points.iter().enumerate() {
            let verb = if n == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{verb}{} {}", self.x(at), y(value)));
        }
        path
    }

    fn bands(&self, record: &Record, bands: &[Vec<series::Band>]) -> Markup {
        let tall = bands.len() as f64 * ROW;
        html! {
            (self.shades(tall))
            text class="title" x=(LEFT) y="-11" { "Circuit breakers of lane " (record.lane.letter) ", one row for each client" }
            g transform=(format!("translate({} -11)", WIDTH - RIGHT - 230.0)) {
                rect class="closed" x="0" y="-9" width="18" height="9" {}
                text class="faint" x="24" { "closed" }
                rect class="half-open" x="80" y="-9" width="18" height="9" {}
                text class="faint" x="104" { "half-open" }
                rect class="open" x="176" y="-9" width="18" height="9" {}
                text class="faint" x="200" { "open" }
            }
            @for (row, bands) in bands.iter().enumerate() {
                @for band in bands {
                    rect class=(state(band.circuit)) x=(self.x(band.from)) y=(row as f64 * ROW + 1.0)
                        width=(round(self.x(band.to) - self.x(band.from))) height=(ROW - 3.0) {}
                }
            }
            (self.clock(tall))
        }
    }

    fn shades(&self, tall: f64) -> Markup {
        html! {
            @for fault in &self.faults {
                @let (from, to) = (self.x(fault.from), self.x(fault.to));
                rect class="shade" x=(from) y="0" width=(round(to - from)) height=(tall) {}
                @if tall >= TALL {
                    text class="faint" x=(from + 5.0) y="14" { (fault.name) }
                }
            }
        }
    }

    fn clock(&self, tall: f64) -> Markup {
        let step = if self.length > 30.0 { 5 } else { 2 };
        let marks = (0..=self.length as usize).step_by(step);
        html! {
            @for mark in marks {
                text class="faint middle" x=(self.x(mark as f64)) y=(tall + 15.0) {
                    (mark) @if mark == 0 { " s" }
                }
            }
        }
    }
}

const fn state(circuit: Circuit) -> &'static str {
    match circuit {
        Circuit::Closed => "closed",
        Circuit::HalfOpen => "half-open",
        Circuit::Open => "open",
    }
}

/// Moves labels apart that would cover each other, and away from the clock below.
fn part(ends: &mut [(char, f64)]) {
    const APART: f64 = 14.0;
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut least = f64::NEG_INFINITY;
    for (_, y) in ends.iter_mut() {
        *y = y.max(least);
        least = *y + APART;
    }
    let mut most = TALL;
    for (_, y) in ends.iter_mut().rev() {
        *y = y.min(most);
        most = *y - APART;
    }
}

/// The next larger of 1, 2 and 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|n| *n >= value).unwrap_or(10.0 * power)
}

fn amount(value: f64) -> String {
    thousands(value.round() as u64)
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!([93.0, 100.0, 133.0, 373.0, 0.3].map(nice), [100.0, 100.0, 200.0, 500.0, 0.5]);
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let mut ends = [('A', 50.0), ('B', 140.0), ('C', 50.0)];
        part(&mut ends);
        assert_eq!(ends, [('A', 50.0), ('C', 64.0), ('B', 140.0)]);
        let mut low = [('A', TALL), ('B', 10.0), ('C', TALL)];
        part(&mut low);
        assert_eq!(low, [('B', 10.0), ('A', TALL - 14.0), ('C', TALL)]);
    }
}
