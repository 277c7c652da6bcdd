//! Counters only go up, however the looks of those who count meet.

use std::collections::HashMap;

use buttress::metrics::{Kind, Sample, Value, visit};
use buttress::registry::{EngineDetail, Identity, RegistrySnapshot};

/// Of which metric, what of it, of which engine, with which labels.
type Of = (&'static str, &'static str, Option<String>, Vec<&'static str>);

/// What the counters of one who looks stood at.
#[derive(Debug, Default)]
pub struct Grows(HashMap<Of, u64>);

impl Grows {
    /// What went down since the last look. Engines that come and go are not counted among `lasting`.
    pub fn look(&mut self, snapshot: &RegistrySnapshot, lasting: impl Fn(&str) -> bool) -> Vec<String> {
        let mut fell = Vec::new();
        visit(snapshot, |sample| {
            let engine = sample.engine.map(|index| snapshot.engines[index].identity);
            if engine.is_none_or(|of| lasting(of.stack.as_str())) {
                let labels: Vec<_> = sample.labels.iter().map(|(_, value)| *value).collect();
                for (what, count) in counted(&sample) {
                    let of = (sample.descriptor.name, what, engine.map(in_words), labels.clone());
                    fell.extend(self.see(of, count));
                }
            }
        });
        // What no metric tells.
        for engine in snapshot.engines.iter().filter(|engine| lasting(engine.identity.stack.as_str())) {
            if let EngineDetail::RateLimit(now) = &engine.detail {
                fell.extend(self.see(("cells", "", Some(in_words(engine.identity)), Vec::new()), now.cells));
            }
        }
        fell
    }

    fn see(&mut self, of: Of, count: u64) -> Option<String> {
        let before = self.0.get(&of).copied().unwrap_or_default();
        let fell = (count < before).then(|| format!("{of:?} went down from {before} to {count}"));
        self.0.insert(of, count);
        fell
    }

    /// How many counters were seen that count something.
    pub fn seen(&self) -> usize {
        self.0.values().filter(|count| **count > 0).count()
    }
}

fn in_words(of: Identity) -> String {
    format!("{} {} {}", of.stack, of.layer, of.name)
}

/// What may only go up.
fn counted(sample: &Sample<'_>) -> Vec<(&'static str, u64)> {
    match (sample.descriptor.kind, sample.value) {
        (Kind::Counter, Value::Count(count)) => vec![("", count)],
        (Kind::Histogram, Value::Histogram(histogram)) => {
            let nanos = u64::try_from(histogram.sum().as_nanos()).unwrap_or(u64::MAX);
            vec![("count", histogram.count()), ("sum", nanos)]
        }
        _ => Vec::new(),
    }
}
