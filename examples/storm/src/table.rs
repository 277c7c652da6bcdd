//! The figures of a scene, side by side: for the terminal, and as rows for the report.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::figures::{FaultFigures, Figures};
use crate::words::{percent, thousands};

const STYLE: TableStyle = NOTHING
    .header_separator(LineStyle::new('─', '─', '─', '─'))
    .bottom_border(LineStyle::new('─', '─', '─', '─'));

/// The first row names the lanes; each other row begins with what it tells.
pub fn rows(lanes: &[Figures]) -> Vec<Vec<String>> {
    let row = |what: String, tell: &dyn Fn(&Figures) -> String| {
        std::iter::once(what).chain(lanes.iter().map(tell)).collect::<Vec<_>>()
    };
    let mut rows = vec![
        row(String::new(), &|f| format!("{} {}", f.lane.letter, f.lane.title)),
        row("calls answered".into(), &|f| percent(f.success)),
        row("time to any answer, p50".into(), &|f| time(f.p50)),
        row("time to any answer, p99".into(), &|f| time(f.p99)),
    ];
    let faults = lanes.first().map_or(&[][..], |lane| &lane.faults);
    for (n, fault) in faults.iter().enumerate() {
        let of = |tell: fn(&FaultFigures) -> String| move |f: &Figures| tell(&f.faults[n]);
        let name = fault.fault.name;
        rows.push(row(
            format!("{name}: calls answered"),
            &of(|f| format!("{:.0}/s, {}", f.goodput, percent(f.success))),
        ));
        rows.push(row(
            format!("{name}: upstream requests per call"),
            &of(|f| format!("{:.2}", f.amplification)),
        ));
        if lanes.iter().any(|lane| lane.opened.is_some()) {
            rows.push(row(format!("{name}: until all breakers open"), &of(opened)));
        }
        if fault.has_after() {
            rows.push(row(format!("{name}: from its end until ≥ 99 % answered"), &of(recovered)));
        }
    }
    rows.push(row("most requests queued upstream".into(), &|f| thousands(f.peak_queue as u64)));
    rows.push(row("most calls waiting at once".into(), &|f| thousands(f.peak_waiting as u64)));
    rows.push(row("failures by cause".into(), &causes));
    if lanes.iter().any(|lane| lane.health.is_some()) {
        rows.push(row("/healthz answered 200".into(), &|f| {
            f.health.map_or("–".into(), |health| format!("{} of {}", health.good, health.asked))
        }));
    }
    rows
}

pub fn table(lanes: &[Figures]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    let mut rows = rows(lanes).into_iter();
    table.set_header(rows.next().unwrap_or_default()).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn time(millis: f64) -> String {
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

fn opened(fault: &FaultFigures) -> String {
    match (fault.all_opened(), fault.first_opened()) {
        _ if fault.opened.is_empty() => "–".into(),
        (Some(all), _) => format!("{all:.1} s"),
        (None, Some(_)) => "not all".into(),
        (None, None) => "none opened".into(),
    }
}

pub fn recovered(fault: &FaultFigures) -> String {
    fault.recovered.map_or_else(
        || format!("not within {:.0} s", fault.fault.until - fault.fault.to),
        |recovered| format!("{recovered:.1} s"),
    )
}

fn causes(figures: &Figures) -> String {
    let causes: Vec<_> = figures.causes.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    if causes.is_empty() { "–".into() } else { causes.join("\n") }
}
