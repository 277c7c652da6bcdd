//! Who is compared. One file for each crate, which sets it up as its own documentation does.

pub mod buttress;
pub mod failsafe;
pub mod governor;
pub mod kit;
pub mod recloser;
pub mod resilience;
pub mod seatbelt;
pub mod tower;
pub mod tower_governor;

use std::time::Duration;

use serde::Serialize;

use crate::measure::{Run, by_two};

/// No call comes near it.
pub const LONG: Duration = Duration::from_secs(3_600);
/// The window of the count windows.
pub const CALLS: u32 = 100;
/// The window of the time windows.
pub const WINDOW: Duration = Duration::from_secs(10);
/// More than anybody comes near, so that every call is admitted.
pub const RATE: u32 = 1_000_000_000;
pub const BURST: u32 = 1_000_000;
pub const CONCURRENT: usize = 64;
/// How many keys the keyed limiters know.
pub const KEYS: u64 = 1_000_000;

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    Bare,
    Buttress,
    Tower,
    TowerResilience,
    Seatbelt,
    Governor,
    TowerGovernor,
    Failsafe,
    Recloser,
}

impl Maker {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare service",
            Self::Buttress => "buttress",
            Self::Tower => "tower",
            Self::TowerResilience => "tower-resilience",
            Self::Seatbelt => "seatbelt",
            Self::Governor => "governor",
            Self::TowerGovernor => "tower_governor",
            Self::Failsafe => "failsafe",
            Self::Recloser => "recloser",
        }
    }
}

/// One way to do what a row is about.
pub struct Subject {
    pub maker: Maker,
    /// What of it, if that is not plain from the row.
    pub what: &'static str,
    /// What a reader has to know to compare it with the others.
    pub note: &'static str,
    /// Whether it does all that the row is about, so that others are measured against it.
    pub whole: bool,
    /// Whether it lacks a tower layer, which its user has to write.
    pub core: bool,
    /// Whether its cost grows with traffic.
    pub grows: bool,
    /// The size of the response future above that of the inner one.
    pub future: Option<i64>,
    /// What it keeps in memory for each key.
    pub per_key: Option<f64>,
    /// How many threads each make all the calls.
    pub threads: u64,
    pub run: Run,
}

impl Subject {
    pub fn new(maker: Maker, what: &'static str, run: Run) -> Self {
        Self {
            maker,
            what,
            note: "",
            whole: true,
            core: false,
            grows: false,
            future: None,
            per_key: None,
            threads: 1,
            run,
        }
    }

    pub const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// The same, from two threads that share it.
    pub fn by_two(
        maker: Maker,
        what: &'static str,
        run: impl FnOnce() -> Run + Send + Clone + 'static,
    ) -> Self {
        Self { threads: 2, ..Self::new(maker, what, by_two(run)) }
    }

    /// It does less than the row is about.
    pub const fn part(mut self, note: &'static str) -> Self {
        self.note = note;
        self.whole = false;
        self
    }

    /// Its cost grows with the calls in its window, and so with traffic.
    pub const fn grows(mut self) -> Self {
        self.grows = true;
        self.note("its cost grows with the calls in the window")
    }

    pub const fn core(mut self) -> Self {
        self.core = true;
        self
    }

    pub const fn future(mut self, above: i64) -> Self {
        self.future = Some(above);
        self
    }
}
