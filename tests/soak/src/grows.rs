//! Counters only go up, however the looks of those who count meet.

use std::collections::HashMap;

use buttress::metrics::{Kind, Sample, Value, visit};
use buttress::registry::RegistrySnapshot;

/// Of which metric, of which engine, with which label.
type Of = (&'static str, Option<String>, Vec<&'static str>);

/// What the counters of one who looks stood at.
#[derive(Debug, Default)]
pub struct Grows(HashMap<Of, u64>);

impl Grows {
    /// What went down since the last look. Engines that come and go are not counted among `lasting`.
    pub fn look(&mut self, snapshot: &RegistrySnapshot, lasting: impl Fn(&str) -> bool) -> Vec<String> {
        let mut fell = Vec::new();
        visit(snapshot, |sample| {
            let engine = sample.engine.map(|index| snapshot.engines[index].identity);
            let (Some(count), true) = (counted(&sample), engine.is_none_or(|of| lasting(of.stack.as_str())))
            else {
                return;
            };
            let engine = engine.map(|of| format!("{} {} {}", of.stack, of.layer, of.name));
            let labels = sample.labels.iter().map(|(_, value)| *value).collect();
            let of = (sample.descriptor.name, engine, labels);
            let before = self.0.get(&of).copied().unwrap_or_default();
            if count < before {
                fell.push(format!("{of:?} went down from {before} to {count}"));
            }
            self.0.insert(of, count);
        });
        fell
    }
}

/// What may only go up.
fn counted(sample: &Sample<'_>) -> Option<u64> {
    match (sample.descriptor.kind, sample.value) {
        (Kind::Counter, Value::Count(count)) => Some(count),
        (Kind::Histogram, Value::Histogram(histogram)) => Some(histogram.count()),
        _ => None,
    }
}
