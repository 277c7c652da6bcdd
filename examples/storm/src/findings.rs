//! What happened, in sentences. Pure: figures in, words out, and nothing that the figures do not say.

use crate::figures::{FaultFigures, Figures};
use crate::words::{percent, thousands};

/// Sentences about a lane: one for each fault, and one for what is left over.
pub fn findings(figures: &Figures) -> Vec<String> {
    let mut found: Vec<_> = figures.faults.iter().map(|fault| about_fault(figures, fault)).collect();
    if figures.left_over > 100 {
        found.push(format!(
            "When the last call was over, the upstream of lane {} still held {} requests that nobody waited for.",
            figures.lane.letter,
            thousands(figures.left_over)
        ));
    }
    if let Some(health) = figures.health {
        found.push(format!(
            "Lane {}: /healthz answered 200 to {} of {} probes.",
            figures.lane.letter, health.good, health.asked
        ));
    }
    found
}

fn about_fault(figures: &Figures, fault: &FaultFigures) -> String {
    let lane = &figures.lane;
    let mut said = format!(
        "{} answered {} of its calls during the {}, with {:.2} upstream requests for each",
        capital(&lane.to_string()),
        percent(fault.success),
        fault.fault.name,
        fault.amplification,
    );
    if let (Some(first), Some(all)) = (fault.first_opened(), fault.all_opened()) {
        let (first, all) = (format!("{first:.1}"), format!("{all:.1}"));
        let when = if first == all { first } else { format!("{first} to {all}") };
        said.push_str(&format!("; its breakers opened after {when} s"));
    } else if let Some(first) = fault.first_opened() {
        said.push_str(&format!("; some of its breakers opened, the first after {first:.1} s"));
    } else if !fault.opened.is_empty() {
        said.push_str("; its breakers stayed closed");
    }
    said.push_str(&recovery(fault, figures.opened.is_none() && figures.health.is_none()));
    said.push('.');
    said
}

fn recovery(fault: &FaultFigures, alone: bool) -> String {
    let time = fault.fault.until - fault.fault.to;
    match fault.recovered {
        _ if !fault.has_after() => String::new(),
        None => format!(". In the {time:.0} s after that, it did not recover"),
        Some(0.0) => ". It was well again at once".into(),
        Some(recovered) => {
            let alone = if alone { " by itself" } else { "" };
            format!(". It recovered{alone} {recovered:.1} s after the end")
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lateness::Late;
    use crate::record::LaneName;
    use crate::scene::Fault;

    fn figures(recovered: Option<f64>, opened: Vec<Option<f64>>) -> Figures {
        let fault = Fault { name: "brown-out", from: 20.0, to: 28.0, until: 45.0 };
        Figures {
            lane: LaneName { letter: 'A', title: "timeout only".into() },
            calls: 100,
            success: 0.5,
            p50: 1.0,
            p99: 2.0,
            opened: (!opened.is_empty()).then_some(4),
            faults: vec![FaultFigures {
                fault,
                goodput: 10.0,
                success: 0.9999,
                after: 1.0,
                amplification: 1.0,
                opened,
                recovered,
            }],
            causes: Vec::new(),
            peak_queue: 0,
            peak_waiting: 0,
            left_over: 0,
            health: None,
            late: Late::default(),
        }
    }

    #[test]
    fn a_lane_without_protection_that_recovers_is_said_to() {
        assert_eq!(
            findings(&figures(Some(9.8), vec![])),
            ["Lane A (timeout only) answered 99.9 % of its calls during the brown-out, with 1.00 upstream \
              requests for each. It recovered by itself 9.8 s after the end."]
        );
    }

    #[test]
    fn breakers_are_told_if_there_are_any() {
        let some = findings(&figures(None, vec![Some(2.0), None]));
        assert!(some[0].contains("some of its breakers opened, the first after 2.0 s"), "{some:?}");
        assert!(some[0].ends_with("In the 17 s after that, it did not recover."), "{some:?}");
        let all = findings(&figures(Some(0.0), vec![Some(2.0), Some(2.3)]));
        assert!(all[0].contains("opened after 2.0 to 2.3 s. It was well again at once."), "{all:?}");
        assert!(findings(&figures(None, vec![None]))[0].contains("stayed closed"));
    }
}
