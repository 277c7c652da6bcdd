//! Who is faster, and by how much.

use std::cmp::Ordering;

use crate::rounds::{RowResult, SubjectResult};
use crate::stats::Spread;
use crate::subjects::Maker;

/// Below that, a figure is noise.
const LEAST: f64 = 0.5;

pub fn ours(row: &RowResult) -> Option<&SubjectResult> {
    row.subjects.iter().find(|subject| subject.maker == Maker::Buttress)
}

/// What stands for a crate: the fastest of what it has that does all the row is about. What has a tower layer comes
/// first, and what does only a part last.
pub fn of(row: &RowResult, maker: Maker) -> Option<&SubjectResult> {
    let subjects = row.subjects.iter().filter(|subject| subject.maker == maker);
    subjects.min_by(|a, b| (!a.whole, a.core).cmp(&(!b.whole, b.core)).then(by_time(a, b)))
}

fn by_time(a: &SubjectResult, b: &SubjectResult) -> Ordering {
    a.over_ns.median.total_cmp(&b.over_ns.median)
}

/// The fastest peer that does all the row is about, with a tower layer or without.
fn best(row: &RowResult, core: bool) -> Option<&SubjectResult> {
    let peers = row.subjects.iter().filter(|subject| subject.maker != Maker::Buttress && subject.whole);
    peers.filter(|peer| peer.core == core).min_by(|a, b| by_time(a, b))
}

fn ratio(a: f64, b: f64) -> f64 {
    a.max(LEAST) / b.max(LEAST)
}

/// Whether ours takes more than that peer; equal if it is within the noise.
fn ours_against(row: &RowResult, peer: &SubjectResult) -> Ordering {
    let least = ours(row).is_some_and(|ours| ours.over_ns.median.max(peer.over_ns.median) < LEAST);
    peer.ours_above_ns.filter(|_| !least).map_or(Ordering::Equal, Spread::sign)
}

/// How our figure compares with that of the best peer's layer: `0.4× of seatbelt`; and with the best without a layer
/// if that is faster, or nobody has one.
pub fn against_best(row: &RowResult) -> String {
    let Some(ours) = ours(row) else { return "–".into() };
    let layer = best(row, false);
    let core = best(row, true);
    let core = core.filter(|core| layer.is_none() || ours_against(row, core) == Ordering::Greater);
    let told: Vec<_> = layer.into_iter().chain(core).map(|peer| against(row, ours, peer)).collect();
    if told.is_empty() { "–".into() } else { told.join("; ") }
}

fn against(row: &RowResult, ours: &SubjectResult, peer: &SubjectResult) -> String {
    let name = peer.maker.name();
    let whose = if peer.core { format!("{name}'s core") } else { name.to_owned() };
    if ours_against(row, peer) == Ordering::Equal {
        return format!("about the same as {whose}");
    }
    let ratio = ratio(ours.over_ns.median, peer.over_ns.median);
    let digits = if ratio < 0.095 { 2 } else { 1 };
    format!("{ratio:.digits$}× of {whose}")
}

/// Every peer that is faster than we are, however little it does, in words.
pub fn faster(row: &RowResult) -> Vec<String> {
    let Some(ours) = ours(row) else { return vec![] };
    let is_faster = |peer: &&SubjectResult| ours_against(row, peer) == Ordering::Greater;
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

    pub fn subject(maker: Maker, nanos: f64) -> SubjectResult {
        SubjectResult {
            maker,
            version: "1.0.0".into(),
            what: "",
            note: "",
            whole: true,
            core: false,
            over_ns: Spread { p10: nanos * 0.9, median: nanos, p90: nanos * 1.2 },
            ours_above_ns: None,
            disturbed_percent: 0.0,
            allocations: 0.0,
            bytes: 0.0,
            future_bytes: Some(8),
            bytes_per_key: None,
            calls_per_second: None,
        }
    }

    /// What differs from ours by less than a nanosecond is noise.
    pub fn row(mut subjects: Vec<SubjectResult>) -> RowResult {
        let ours = subjects.iter().find(|subject| subject.maker == Maker::Buttress);
        let ours = ours.map(|ours| ours.over_ns.median);
        for subject in subjects.iter_mut().filter(|subject| subject.maker != Maker::Buttress) {
            let median = ours.map(|ours| ours - subject.over_ns.median);
            subject.ours_above_ns =
                median.map(|median| Spread { p10: median - 1.0, median, p90: median + 1.0 });
        }
        let bare_ns = Spread { p10: 5.0, median: 6.0, p90: 7.0 };
        RowResult { id: "row", title: "a row", charted: true, bare_ns, bare_core_ns: None, subjects }
    }

    fn core(maker: Maker, nanos: f64) -> SubjectResult {
        SubjectResult { core: true, ..subject(maker, nanos) }
    }

    fn part(maker: Maker, nanos: f64) -> SubjectResult {
        SubjectResult { whole: false, ..subject(maker, nanos) }
    }

    fn against(peers: impl IntoIterator<Item = SubjectResult>) -> String {
        against_best(&row(std::iter::once(subject(Maker::Buttress, 20.0)).chain(peers).collect()))
    }

    #[test]
    fn ours_is_held_against_the_fastest_whole_layer() {
        let layers = [subject(Maker::TowerResilience, 250.0), subject(Maker::Seatbelt, 50.0)];
        assert_eq!(against([part(Maker::Tower, 5.0)].into_iter().chain(layers)), "0.4× of seatbelt");
        assert_eq!(against([subject(Maker::Seatbelt, 1_000.0)]), "0.02× of seatbelt");
        assert_eq!(against([part(Maker::Tower, 5.0)]), "–");
        assert_eq!(against([]), "–");
    }

    #[test]
    fn a_core_is_named_where_it_is_faster_or_alone() {
        let layer = || subject(Maker::Seatbelt, 50.0);
        assert_eq!(
            against([core(Maker::Recloser, 10.0), layer()]),
            "0.4× of seatbelt; 2.0× of recloser's core"
        );
        assert_eq!(against([core(Maker::Recloser, 40.0), layer()]), "0.4× of seatbelt");
        assert_eq!(against([core(Maker::Recloser, 40.0)]), "0.5× of recloser's core");
    }

    #[test]
    fn what_is_within_the_noise_is_about_the_same() {
        assert_eq!(against([subject(Maker::Tower, 19.5)]), "about the same as tower");
        assert_eq!(against([core(Maker::Governor, 20.5)]), "about the same as governor's core");
        assert_eq!(against([core(Maker::Governor, 19.5), subject(Maker::Tower, 40.0)]), "0.5× of tower");
    }

    #[test]
    fn a_crate_is_shown_by_its_fastest_whole_layer() {
        let all = [
            part(Maker::Seatbelt, 1.0),
            core(Maker::Seatbelt, 5.0),
            subject(Maker::Seatbelt, 90.0),
            subject(Maker::Seatbelt, 50.0),
        ];
        let shown = |subjects: &[SubjectResult], maker| {
            of(&row(subjects.to_vec()), maker).map(|subject| subject.over_ns.median)
        };
        assert_eq!(shown(&all, Maker::Seatbelt), Some(50.0));
        assert_eq!(shown(&all[..2], Maker::Seatbelt), Some(5.0));
        assert_eq!(shown(&all[..1], Maker::Seatbelt), Some(1.0));
        assert_eq!(shown(&all, Maker::Tower), None);
    }

    #[test]
    fn says_who_is_faster() {
        let core = SubjectResult { note: "no table", ..core(Maker::Governor, 10.0) };
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
