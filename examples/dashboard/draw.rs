//! Panels as one SVG.

use maud::{Markup, PreEscaped, html};

use crate::panel::{Line, Panel, Shape, with_unit};

const WIDTH: f64 = 1_360.0;
/// Of the dashboard's units of height.
const UNIT: f64 = 29.0;
const HEAD: f64 = 22.0;
const PAD: f64 = 10.0;

/// The inside of a panel, below its title.
#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub fn dashboard(panels: &[Panel]) -> String {
    let bottom = panels.iter().map(|panel| panel.place[1] + panel.place[3]).fold(0.0, f64::max);
    let height = bottom * UNIT + 8.0;
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) role="img" {
            title { "The dashboard, drawn from a real Prometheus' answers to its queries" }
            style { (PreEscaped(include_str!("dashboard.css"))) }
            rect.paper width=(WIDTH) height=(height) {}
            @for panel in panels { (draw(panel)) }
        }
    };
    picture.into_string()
}

fn draw(panel: &Panel) -> Markup {
    let [x, y, w, h] = panel.place;
    let column = WIDTH / 24.0;
    let (x, y, w, h) = (x * column + 3.0, y * UNIT + 3.0, w * column - 6.0, h * UNIT - 6.0);
    let area = Area { x: x + PAD, y: y + HEAD, width: w - 2.0 * PAD, height: h - HEAD - 6.0 };
    if let Shape::Row = panel.shape {
        return html! { text.row x=(x + 4.0) y=(y + h - 6.0) { "▾ " (panel.title) } };
    }
    if let Shape::Stat(value, colour) = &panel.shape {
        return html! {
            rect class=(colour) x=(x) y=(y) width=(w) height=(h) rx="3" {}
            text.title.white x=(x + PAD) y=(y + 16.0) { (panel.title) }
            text.big x=(x + w / 2.0) y=(y + h / 2.0 + 18.0) { (with_unit(*value, &panel.unit)) }
        };
    }
    html! {
        rect.panel x=(x) y=(y) width=(w) height=(h) rx="3" {}
        text.title x=(x + PAD) y=(y + 16.0) { (panel.title) }
        @match &panel.shape {
            Shape::Bars(bars) => (draw_bars(area, bars, &panel.unit)),
            Shape::Lines(lines) => (draw_lines(area, lines, panel)),
            Shape::States(lines) => (draw_states(area, lines)),
            Shape::Table(head, rows) => (draw_table(area, head, rows)),
            Shape::Heat(lines) => (draw_heat(area, lines)),
            Shape::Row | Shape::Stat(..) => {},
        }
    }
}

fn draw_bars(area: Area, bars: &[(String, f64)], unit: &str) -> Markup {
    let most = bars.iter().map(|bar| bar.1).fold(if unit == "percentunit" { 1.5 } else { 1.0 }, f64::max);
    let tall = (area.height / bars.len().max(1) as f64).min(44.0);
    html! {
        @for (place, (name, value)) in bars.iter().enumerate() {
            @let y = area.y + place as f64 * tall;
            @let colour = match unit {
                "percentunit" if *value < 0.8 => "green",
                "percentunit" if *value < 1.0 => "orange",
                _ => "red",
            };
            text x=(area.x) y=(y + 12.0) { (name) }
            text.end x=(area.x + area.width) y=(y + 12.0) { (with_unit(*value, unit)) }
            @let long = area.width * (value / most).min(1.0);
            rect class=(colour) x=(area.x) y=(y + 17.0) width=(long) height=(tall - 24.0) rx="2" {}
        }
    }
}

/// Seconds that a line is drawn over.
fn length(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|line| &line.points).map(|point| point.0).fold(1.0, f64::max)
}

fn draw_lines(area: Area, lines: &[Line], Panel { unit, is_log, .. }: &Panel) -> Markup {
    let values = || lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    let most = nice(values().fold(0.0, f64::max));
    // A thousandth of the greatest is at the bottom.
    let height_of =
        |value: f64| if *is_log { (1.0 + (value / most).log10() / 3.0).max(0.0) } else { value / most };
    let ticks = if *is_log { [0.001, 0.01, 0.1, 1.0].as_slice() } else { &[0.0, 0.5, 1.0] };
    let length = length(lines);
    let (left, below) = (46.0, 14.0 * ((lines.len() as f64 / 3.0).ceil()).min(4.0) + 4.0);
    let (width, height) = (area.width - left, area.height - below);
    let at = |point: &(f64, f64)| {
        (area.x + left + point.0 / length * width, area.y + height - height_of(point.1) * (height - 6.0))
    };
    let path = |line: &Line| {
        let mut path = String::new();
        let mut before = f64::NEG_INFINITY;
        for point in &line.points {
            let (x, y) = at(point);
            path += &format!("{}{x:.1} {y:.1}", if point.0 - before > 1.5 { "M" } else { "L" });
            before = point.0;
        }
        path
    };
    let mut colours = 0..;
    html! {
        @for share in ticks {
            @let y = at(&(0.0, share * most)).1;
            line.rule x1=(area.x + left) x2=(area.x + area.width) y1=(y) y2=(y) {}
            text.faint.end x=(area.x + left - 5.0) y=(y + 4.0) { (with_unit(share * most, unit)) }
        }
        @for (place, line) in lines.iter().enumerate() {
            @let colour = match line.is_limit {
                true => "var(--red)".to_owned(),
                false => format!("var(--l{})", colours.next().unwrap_or(0) % 8),
            };
            path.line.limit[line.is_limit] d=(path(line)) style=(format!("stroke:{colour}")) {}
            @if place < 12 {
                @let x = area.x + (place % 3) as f64 * area.width / 3.0;
                @let y = area.y + area.height - below + 14.0 + (place / 3) as f64 * 14.0;
                rect x=(x) y=(y - 7.0) width="10" height="3" style=(format!("fill:{colour}")) {}
                @let name = line.name.replace("circuit_breaker", "circuit");
                text.faint x=(x + 14.0) y=(y) { (fitting(&name, area.width / 3.0 - 16.0)) }
            }
        }
    }
}

/// The next number that looks well on an axis.
fn nice(most: f64) -> f64 {
    if most < 1e-9 {
        return 1.0;
    }
    let decade = 10_f64.powf(most.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0]
        .map(|step| step * decade)
        .into_iter()
        .find(|step| *step >= most)
        .unwrap_or(most)
}

fn draw_states(area: Area, lines: &[Line]) -> Markup {
    let length = length(lines);
    let (left, tall) = (80.0, ((area.height - 20.0) / lines.len().max(1) as f64).min(56.0));
    let step = (area.width - left) / (length + 1.0);
    html! {
        @for (place, line) in lines.iter().enumerate() {
            @let y = area.y + place as f64 * tall;
            text.end x=(area.x + left - 8.0) y=(y + tall / 2.0 + 4.0) { (line.name) }
            @for (second, state) in &line.points {
                @let colour = ["green", "orange", "red"][state.clamp(0.0, 2.0) as usize];
                rect class=(colour) x=(area.x + left + second * step) y=(y + 4.0) width=(step + 0.3) height=(tall - 10.0) {}
            }
        }
        @for (place, (word, colour)) in [("closed", "green"), ("half-open", "orange"), ("open", "red")].iter().enumerate() {
            @let x = area.x + left + place as f64 * 80.0;
            rect class=(colour) x=(x) y=(area.y + area.height - 10.0) width="10" height="8" {}
            text.faint x=(x + 14.0) y=(area.y + area.height - 2.0) { (word) }
        }
    }
}

fn draw_table(area: Area, head: &[String], rows: &[Vec<String>]) -> Markup {
    let width = area.width / head.len().max(1) as f64;
    html! {
        @for (column, word) in head.iter().enumerate() {
            text.faint x=(area.x + column as f64 * width) y=(area.y + 14.0) { (word) }
        }
        @for (place, row) in rows.iter().enumerate() {
            @let y = area.y + 22.0 + place as f64 * 24.0;
            line.rule x1=(area.x) x2=(area.x + area.width) y1=(y) y2=(y) {}
            @for (column, cell) in row.iter().enumerate() {
                @let x = area.x + column as f64 * width;
                @let colour = match cell.as_str() { "open" => "red", "half-open" => "orange", "closed" => "green", _ => "" };
                @if colour.is_empty() {
                    text x=(x) y=(y + 16.0) { (fitting(cell.trim_start_matches("https://"), width)) }
                } @else {
                    rect class=(colour) x=(x - 4.0) y=(y + 3.0) width=(width - 12.0) height="18" rx="2" {}
                    text.white x=(x + 4.0) y=(y + 16.0) { (cell) }
                }
            }
        }
    }
}

fn draw_heat(area: Area, lines: &[Line]) -> Markup {
    let mut buckets: Vec<_> =
        lines.iter().map(|line| (line.name.parse().unwrap_or(f64::INFINITY), line)).collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let length = length(lines);
    let (left, tall) = (46.0, area.height / buckets.len().max(1) as f64);
    let step = (area.width - left) / (length + 1.0);
    let single = |bucket: usize, second: usize| {
        let at = |bucket: usize| buckets[bucket].1.points.get(second).map_or(0.0, |point| point.1);
        at(bucket) - bucket.checked_sub(1).map_or(0.0, at)
    };
    let seconds = buckets.first().map_or(0, |bucket| bucket.1.points.len());
    let all = (0..buckets.len()).flat_map(|bucket| (0..seconds).map(move |second| (bucket, second)));
    let most = all.clone().map(|(bucket, second)| single(bucket, second)).fold(1.0, f64::max);
    html! {
        @for (place, (edge, _)) in buckets.iter().enumerate().step_by(3) {
            text.faint.end x=(area.x + left - 5.0) y=(area.y + area.height - place as f64 * tall) { (with_unit(*edge, "s")) }
        }
        @for (bucket, second) in all {
            @let many = single(bucket, second);
            @if many > 0.5 {
                @let x = area.x + left + second as f64 * step;
                @let y = area.y + area.height - (bucket + 1) as f64 * tall;
                rect.heat x=(format!("{x:.1}")) y=(format!("{y:.1}")) width=(format!("{step:.1}"))
                    height=(format!("{tall:.1}")) fill-opacity=(format!("{:.2}", (many / most).sqrt())) {}
            }
        }
    }
}

/// As much of a text as fits.
fn fitting(text: &str, width: f64) -> String {
    let most = (width / 6.0) as usize;
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }
}
