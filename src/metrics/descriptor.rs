use std::fmt;

/// What a metric is called, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// The name, the same in every exporter.
    pub name: &'static str,
    /// How its values move.
    pub kind: Kind,
    /// What is counted or measured.
    pub unit: Unit,
    /// What it tells.
    pub help: &'static str,
    /// The labels, in the order in which samples have them.
    pub labels: &'static [&'static str],
}

/// How the values of a metric move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Only up, until the process ends.
    Counter,
    /// Up and down.
    Gauge,
    /// Counts between edges, each of which only goes up.
    Histogram,
}

impl Kind {
    /// Prometheus' word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Calls.
    Calls,
    /// Attempts of calls.
    Attempts,
    /// Calls in each second.
    CallsPerSecond,
    /// Seconds.
    Seconds,
    /// A share of one.
    Ratio,
    /// Tokens of a retry budget.
    Tokens,
    /// Keys of a table.
    Keys,
    /// Engines.
    Engines,
    /// Events.
    Events,
    /// 1 for what is so, 0 for what is not.
    Flag,
    /// A number that is only good for comparing.
    Opaque,
}

impl Unit {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Attempts => "attempts",
            Self::CallsPerSecond => "calls per second",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Tokens => "tokens",
            Self::Keys => "keys",
            Self::Engines => "engines",
            Self::Events => "events",
            Self::Flag => "0 or 1",
            Self::Opaque => "number",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
