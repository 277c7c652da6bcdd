//! Who is faster, and by how much.

use crate::rounds::{RowResult, SubjectResult};
use crate::subjects::Maker;

/// Below that, a figure is noise.
const LEAST: f64 = 0.5;

pub fn ours(row: &RowResult) -> Option<&SubjectResult> {
    row.subjects.iter().find(|subject| subject.maker == Maker::Buttress)
}

/// The fastest that does all the row is about; one with a tower layer, unless none has one.
pub fn best(row: &RowResult) -> Option<&SubjectResult> {
    let fastest = |core: bool| {
        let peers = row.subjects.iter().filter(|subject| subject.maker != Maker::Buttress && subject.whole);
        peers.filter(|peer| core || !peer.core).min_by(|a, b| a.over_ns.median.total_cmp(&b.over_ns.median))
    };
    fastest(false).or_else(|| fastest(true))
}

pub fn ratio(a: f64, b: f64) -> f64 {
    a.max(LEAST) / b.max(LEAST)
}

/// How our figure compares with the best peer's: `0.4× of seatbelt`.
pub fn against_best(row: &RowResult) -> String {
    let (Some(ours), Some(best)) = (ours(row), best(row)) else { return "–".into() };
    let ratio = ratio(ours.over_ns.median, best.over_ns.median);
    let digits = if ratio < 0.095 { 2 } else { 1 };
    format!("{ratio:.digits$}× of {}", best.maker.name())
}

/// Every peer that is faster than we are, however little it does, in words.
pub fn faster(row: &RowResult) -> Vec<String> {
    let Some(ours) = ours(row) else { return vec![] };
    let is_faster = |peer: &&SubjectResult| {
        peer.maker != Maker::Buttress && ratio(peer.over_ns.median, ours.over_ns.median) < 0.95
    };
    let tell = |peer: &SubjectResult| {
        let nanos = super::words::nanos;
        let mut text = format!(
            "{} at {} against {}",
            title(peer),
            nanos(peer.over_ns.median),
            nanos(ours.over_ns.median)
        );
        if peer.core {
            text.push_str(", without a tower layer");
        }
        if !peer.note.is_empty() {
            text.push_str(&format!(" ({})", peer.note));
        }
        text
    };
    row.subjects.iter().filter(is_faster).map(tell).collect()
}

/// What a subject is called.
pub fn title(subject: &SubjectResult) -> String {
    let name = subject.maker.name();
    if subject.what.is_empty() { name.to_owned() } else { format!("{name} {}", subject.what) }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::stats::Spread;

    pub fn subject(maker: Maker, nanos: f64) -> SubjectResult {
        SubjectResult {
            maker,
            version: "1.0.0".into(),
            what: "",
            note: "",
            whole: true,
            core: false,
            over_ns: Spread { p10: nanos * 0.9, median: nanos, p90: nanos * 1.2 },
            disturbed_percent: 0.0,
            allocations: 0.0,
            bytes: 0.0,
            future_bytes: Some(8),
            bytes_per_key: None,
            calls_per_second: None,
        }
    }

    pub fn row(subjects: Vec<SubjectResult>) -> RowResult {
        let bare_ns = Spread { p10: 5.0, median: 6.0, p90: 7.0 };
        RowResult { id: "row", title: "a row", charted: true, bare_ns, subjects }
    }

    #[test]
    fn the_best_peer_is_the_fastest_whole_layer() {
        let core = SubjectResult { core: true, ..subject(Maker::Recloser, 10.0) };
        let part = SubjectResult { whole: false, ..subject(Maker::Tower, 5.0) };
        let all = row(vec![
            subject(Maker::Buttress, 20.0),
            core.clone(),
            part,
            subject(Maker::Seatbelt, 50.0),
            subject(Maker::TowerResilience, 250.0),
        ]);
        assert_eq!(against_best(&all), "0.4× of seatbelt");
        assert_eq!(against_best(&row(vec![subject(Maker::Buttress, 20.0), core])), "2.0× of recloser");
        assert_eq!(against_best(&row(vec![subject(Maker::Buttress, 20.0)])), "–");
        assert_eq!(
            against_best(&row(vec![subject(Maker::Buttress, 20.0), subject(Maker::Seatbelt, 1_000.0)])),
            "0.02× of seatbelt"
        );
    }

    #[test]
    fn says_who_is_faster() {
        let core = SubjectResult { core: true, note: "no table", ..subject(Maker::Governor, 10.0) };
        let all = row(vec![
            subject(Maker::Buttress, 20.0),
            core,
            subject(Maker::Tower, 19.5),
            subject(Maker::Seatbelt, 60.0),
        ]);
        assert_eq!(faster(&all), ["governor at 10 ns against 20 ns, without a tower layer (no table)"]);
    }

    #[test]
    fn noise_around_zero_is_no_ratio() {
        assert_eq!(ratio(-3.0, 0.1), 1.0);
        assert_eq!(ratio(5.0, -1.0), 10.0);
    }
}
