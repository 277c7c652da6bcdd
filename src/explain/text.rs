//! Explanations for people.

use std::fmt;

use super::explanation::Explanation;
use super::layer::ExplainedLayer;
use super::worst_case::WorstCase;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Setting, SettingSource, SettingValue};

/// Settings go on in the next line from here.
const WIDTH: usize = 110;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stack {}", self.stack())?;
        for (word, text) in [("owner", self.owner()), ("runbook", self.runbook())] {
            if let Some(text) = text {
                write!(f, ", {word} {text}")?;
            }
        }
        writeln!(f, ", fingerprint {}\n", self.fingerprint())?;
        let rows = self.rows();
        let width = |text: fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or(0);
        let (kinds, names) =
            (width(|row| row.kind.chars().count()), width(|row| row.name.as_str().chars().count()));
        for row in &rows {
            let start = format!("  {:kinds$}  {:names$}  ", row.kind, row.name.as_str());
            writeln!(f, "{}", wrapped(&start, &row.pieces))?;
        }
        writeln!(f, "\n  worst case: {}", self.worst_case())?;
        for row in rows.iter().filter(|row| !row.shared_with.is_empty()) {
            writeln!(
                f,
                "  shared: {} {} with {}",
                row.kind.trim_start(),
                row.name,
                row.shared_with.join(", ")
            )?;
        }
        if self.warnings().is_empty() {
            writeln!(f, "  no warnings")?;
        }
        for warning in self.warnings() {
            writeln!(f, "  warning: {warning}")?;
        }
        Ok(())
    }
}

impl fmt::Display for WorstCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.duration {
            Some(duration) => write!(f, "{duration:?}")?,
            None => f.write_str("no limit of time")?,
        }
        let plural = if self.attempts == 1 { "" } else { "s" };
        write!(
            f,
            ", {} attempt{plural}, {:.2} requests per call in the long run",
            self.attempts, self.amplification
        )
    }
}

/// An engine, in words.
struct Row<'a> {
    kind: String,
    name: Name,
    pieces: Vec<String>,
    shared_with: &'a [String],
}

impl Explanation {
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for layer in self.layers() {
            rows.push(Row::new(layer, layer.layer.replace('_', " ")));
            rows.extend(
                layer.uses.iter().map(|used| Row::new(used, format!("  {}", used.layer.replace('_', " ")))),
            );
        }
        rows
    }

    pub(super) fn layers_on_one_line(&self) -> String {
        let told = self.rows().into_iter().map(|row| {
            let kind = row.kind.trim_start();
            format!("{kind} {}: {}", row.name, row.pieces.join(" "))
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

impl<'a> Row<'a> {
    fn new(layer: &'a ExplainedLayer, kind: String) -> Self {
        Self { kind, name: layer.name, pieces: pieces(layer), shared_with: &layer.shared_with }
    }
}

/// What a layer is set to, in pieces that are not to be torn apart.
fn pieces(layer: &ExplainedLayer) -> Vec<String> {
    let mut pieces = Vec::new();
    if layer.mode != Mode::Enforce {
        pieces.push(format!("mode {}", layer.mode));
    }
    pieces.extend(layer.does.map(str::to_owned));
    let settings = layer.settings.iter().filter(|setting| !is_in_the_way(layer, setting));
    let (usual, set): (Vec<_>, Vec<_>) =
        settings.partition(|setting| setting.source == SettingSource::Default);
    pieces.extend(set.into_iter().map(|setting: &Setting| match setting.source {
        SettingSource::RunTime => format!("{setting} (at run time)"),
        SettingSource::Override => format!("{setting} (by hand)"),
        _ => setting.to_string(),
    }));
    let mut usual = usual.into_iter().map(Setting::to_string);
    pieces.extend(usual.next().map(|first| format!("default: {first}")));
    pieces.extend(usual);
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.iter_mut().enumerate() {
        piece.push_str(if index < last { "," } else { "" });
    }
    pieces
}

/// What is off unless somebody turns it on, and is off, would only be in the way; so is how long those may
/// wait who do not.
fn is_in_the_way(layer: &ExplainedLayer, setting: &Setting) -> bool {
    let is_off = matches!(setting.value, SettingValue::None | SettingValue::Flag(false));
    let is_in_vain = layer.does == Some("rejects") && setting.name == "max_wait";
    is_in_vain || (is_off && setting.source == SettingSource::Default)
}

/// The pieces behind the start, in lines of bearable length.
fn wrapped(start: &str, pieces: &[String]) -> String {
    let indent = start.chars().count();
    let (mut text, mut column) = (start.to_owned(), indent);
    for (index, piece) in pieces.iter().enumerate() {
        let length = piece.chars().count();
        if index > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(piece);
        column += length;
    }
    text.trim_end().to_owned()
}
