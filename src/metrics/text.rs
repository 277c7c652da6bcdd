use std::fmt::Write as _;

use super::buckets::buckets;
use super::descriptor::{Descriptor, Kind, Unit};
use super::out::Value;
use super::walk::{Sample, visit};
use crate::algo::histogram::Histogram;
use crate::registry::RegistrySnapshot;

/// The two text formats that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextFormat {
    /// OpenMetrics 1.0, which Prometheus asks for first.
    OpenMetrics,
    /// Prometheus' own, 0.0.4, which everything understands.
    Prometheus,
}

impl TextFormat {
    /// The content type to send it with.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The better one of those that this `Accept` header of a scrape names.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// A snapshot as text for Prometheus, whatever serves it.
///
/// ```
/// use buttress::{Bulkhead, metrics::{self, TextFormat}, registry::Registry};
///
/// let _bulkhead = Bulkhead::new(8).named("reports");
/// let text = metrics::text(&Registry::global().snapshot(), TextFormat::Prometheus);
/// assert!(text.contains(r#"buttress_limit{stack="reports",layer="bulkhead",name="reports"} 8"#));
/// ```
#[must_use]
pub fn text(snapshot: &RegistrySnapshot, format: TextFormat) -> String {
    let engines = Engines::new(snapshot);
    let mut text = String::with_capacity(snapshot.engines.len().saturating_mul(BYTES_PER_ENGINE));
    let mut family: Option<&Descriptor> = None;
    visit(snapshot, |one| {
        if !family.is_some_and(|family| std::ptr::eq(family, one.descriptor)) {
            family = Some(one.descriptor);
            head(&mut text, one.descriptor, format);
        }
        sample(&mut text, &engines, &one);
    });
    if format == TextFormat::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// More than most take. What is not written to is never fetched from the system.
const BYTES_PER_ENGINE: usize = 4_096;

/// The three labels that all samples of an engine share, written once.
struct Engines {
    text: String,
    ends: Vec<usize>,
}

impl Engines {
    fn new(snapshot: &RegistrySnapshot) -> Self {
        let count = snapshot.engines.len();
        let mut engines = Self { text: String::with_capacity(count * 64), ends: Vec::with_capacity(count) };
        for engine in &snapshot.engines {
            let is = &engine.identity;
            let text = &mut engines.text;
            text.push_str("{stack=\"");
            escape(text, is.stack.as_str());
            text.push_str("\",layer=\"");
            escape(text, is.layer);
            text.push_str("\",name=\"");
            escape(text, is.name.as_str());
            text.push('"');
            engines.ends.push(text.len());
        }
        engines
    }

    fn labels(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).copied().unwrap_or_default();
        let start = index.checked_sub(1).map_or(0, end);
        self.text.get(start..end(index)).unwrap_or_default()
    }
}

/// How many labels all samples of an engine share.
const SHARED: usize = 3;

fn head(text: &mut String, of: &Descriptor, format: TextFormat) {
    let name = match (format, of.kind) {
        // There the family of a counter is called without what its samples end in.
        (TextFormat::OpenMetrics, Kind::Counter) => of.name.trim_end_matches("_total"),
        _ => of.name,
    };
    // Neither name nor help has anything to escape: they are ours.
    for part in ["# HELP ", name, " ", of.help, "\n# TYPE ", name, " ", of.kind.as_str(), "\n"] {
        text.push_str(part);
    }
    if format == TextFormat::OpenMetrics && of.unit == Unit::Seconds {
        for part in ["# UNIT ", name, " seconds\n"] {
            text.push_str(part);
        }
    }
}

fn sample(text: &mut String, engines: &Engines, sample: &Sample<'_>) {
    let labels = match sample.engine {
        Some(index) => (engines.labels(index), sample.labels.get(SHARED..).unwrap_or_default()),
        None => ("", sample.labels),
    };
    let name = sample.descriptor.name;
    match sample.value {
        Value::Count(count) => {
            start(text, name, labels);
            digits(text, count);
            text.push('\n');
        }
        Value::Level(level) => {
            start(text, name, labels);
            float(text, level);
            text.push('\n');
        }
        Value::Histogram(of) => histogram(text, name, labels, of),
    }
}

/// The labels that are written already, and the others.
type Labels<'a> = (&'a str, &'a [(&'static str, &'static str)]);

/// A line up to its value.
fn start(text: &mut String, name: &str, (shared, others): Labels<'_>) {
    text.push_str(name);
    text.push_str(shared);
    let mut between = if shared.is_empty() { "{" } else { "," };
    for (key, value) in others {
        text.push_str(between);
        text.push_str(key);
        text.push_str("=\"");
        escape(text, value);
        text.push('"');
        between = ",";
    }
    text.push_str(if between == "," { "} " } else { " " });
}

/// No metric of this kind has labels beside those of its engine.
fn histogram(text: &mut String, name: &str, (labels, _): Labels<'_>, histogram: &Histogram) {
    let mut total = 0;
    for (le, count) in buckets(histogram) {
        for part in [name, "_bucket", labels, ",le=\"", le, "\"} "] {
            text.push_str(part);
        }
        digits(text, count);
        text.push('\n');
        total = count;
    }
    for part in [name, "_count", labels, "} "] {
        text.push_str(part);
    }
    digits(text, total);
    for part in ["\n", name, "_sum", labels, "} "] {
        text.push_str(part);
    }
    float(text, histogram.sum().as_secs_f64());
    text.push('\n');
}

/// A label's value: these three are all that the formats escape.
fn escape(text: &mut String, value: &str) {
    // Hardly any has one of them, and most are a few bytes long.
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return text.push_str(value);
    }
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            plain => text.push(plain),
        }
    }
}

fn digits(text: &mut String, count: u64) {
    // Most are 0 or 1.
    match u8::try_from(count) {
        Ok(digit @ 0..=9) => text.push(char::from(b'0' + digit)),
        _ => {
            let _ = write!(text, "{count}");
        }
    }
}

fn float(text: &mut String, level: f64) {
    if level.is_infinite() {
        text.push_str(if level > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        let _ = write!(text, "{level}");
    }
}
