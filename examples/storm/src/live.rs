//! What a person sees while lanes run.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::lane::Lane;
use crate::narrate::{Narrator, View};
use crate::record::{CLIENTS, Circuit};
use crate::run::Watch;
use crate::scene::Scene;
use crate::words::wrapped;

/// Without a terminal, the lines come this often, in seconds.
const PLAIN: f64 = 3.0;

#[derive(Debug)]
pub struct Live {
    narrator: Narrator,
    length: f64,
    screen: Screen,
}

#[derive(Debug)]
enum Screen {
    /// Lines that stay where they are and change.
    Terminal {
        all: MultiProgress,
        clock: ProgressBar,
        lanes: Vec<ProgressBar>,
    },
    Plain {
        next: f64,
    },
}

impl Live {
    pub fn new(scene: Scene, lanes: usize) -> Self {
        let length = scene.length().as_secs_f64();
        let screen = if std::io::stdout().is_terminal() {
            Screen::terminal(lanes)
        } else {
            Screen::Plain { next: PLAIN }
        };
        Self { narrator: Narrator::new(scene, lanes), length, screen }
    }
}

impl Watch for Live {
    fn look(&mut self, at: f64, lanes: &[Arc<Lane>]) {
        let views: Vec<_> = lanes.iter().map(|lane| lane.view(at)).collect();
        for sentence in self.narrator.step(at, &views) {
            self.screen.say(&wrapped(&format!("{at:6.1} s  "), &sentence));
        }
        self.screen.show(at, self.length, &views);
    }
}

impl Screen {
    fn terminal(lanes: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let line = || all.add(ProgressBar::new(0).with_style(style.clone()));
        Self::Terminal { clock: line(), lanes: (0..lanes).map(|_| line()).collect(), all }
    }

    fn say(&self, sentence: &str) {
        match self {
            // A screen that cannot be written to is no reason to stop.
            Self::Terminal { all, .. } => drop(all.println(sentence)),
            Self::Plain { .. } => println!("{sentence}"),
        }
    }

    fn show(&mut self, at: f64, length: f64, views: &[View]) {
        match self {
            Self::Terminal { clock, lanes, .. } => {
                let rest = if at < length { "" } else { "  waiting for the last answers" };
                clock.set_message(format!("{:6.1} s of {length:.0} s{rest}", at.min(length)));
                for (bar, view) in lanes.iter().zip(views) {
                    bar.set_message(line(view));
                }
            }
            Self::Plain { next } if at >= *next && at < length => {
                *next += PLAIN;
                for view in views {
                    println!("{at:6.1} s  {}", line(view));
                }
            }
            Self::Plain { .. } => {}
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Self::Terminal { all, .. } = self {
            drop(all.clear());
        }
    }
}

fn line(view: &View) -> String {
    const CELLS: usize = 10;
    let full = (view.good * CELLS).checked_div(view.ended).unwrap_or(0);
    let bar: String = (0..CELLS).map(|cell| if cell < full { '█' } else { '░' }).collect();
    format!(
        "{} {:<22} {bar} {:>5}/s answered {:>6}/s at the upstream {:>6} queued  {}",
        view.lane.letter,
        view.lane.title,
        view.good,
        view.upstream,
        view.queued,
        circuits(view.circuits),
    )
    .trim_end()
    .to_owned()
}

fn circuits(circuits: [Option<Circuit>; CLIENTS]) -> String {
    let count = |state| circuits.iter().filter(|circuit| **circuit == Some(state)).count();
    [(Circuit::Open, "open"), (Circuit::HalfOpen, "half-open"), (Circuit::Closed, "closed")]
        .into_iter()
        .filter_map(|(state, word)| match count(state) {
            0 => None,
            number => Some(format!("{number} {word}")),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakers_are_counted_by_state() {
        let some = [Circuit::Open, Circuit::Closed, Circuit::Open, Circuit::HalfOpen].map(Some);
        assert_eq!(circuits(some), "2 open, 1 half-open, 1 closed");
        assert_eq!(circuits([None; CLIENTS]), "");
    }
}
