use std::collections::BTreeMap;

use super::descriptor::Descriptor;
use super::engines::{PROCESS, Sources, find};
use super::out::{Out, Value};
use super::table::{ALL, STACK_INFO};
use crate::name::Name;
use crate::registry::{EngineSnapshot, RegistrySnapshot};

/// All metrics, in the order in which they are exported.
#[must_use]
pub fn descriptors() -> &'static [&'static Descriptor] {
    ALL
}

/// One value of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// Of which metric.
    pub descriptor: &'static Descriptor,
    /// The engine's place in [`RegistrySnapshot::engines`], if it is one's.
    pub engine: Option<usize>,
    /// The labels: those of the descriptor, in that order.
    pub labels: &'a [(&'static str, &'static str)],
    /// The value.
    pub value: Value<'a>,
}

/// Shows each sample of a snapshot, all of one metric together. Allocates for the stacks, not for the samples.
///
/// ```
/// use buttress::{Bulkhead, metrics, registry::Registry};
///
/// let _bulkhead = Bulkhead::new(8).named("reports");
/// let mut found = false;
/// let snapshot = Registry::global().snapshot();
/// metrics::visit(&snapshot, |sample| {
///     if sample.descriptor.name == "buttress_limit"
///         && sample.engine.is_some_and(|engine| snapshot.engines[engine].identity.name == "reports")
///     {
///         found = sample.value == metrics::Value::Count(8);
///     }
/// });
/// assert!(found);
/// ```
pub fn visit(snapshot: &RegistrySnapshot, mut visitor: impl FnMut(Sample<'_>)) {
    for descriptor in ALL {
        visit_one(snapshot, descriptor, &mut visitor);
    }
}

/// The samples of one metric.
pub(crate) fn visit_one(
    snapshot: &RegistrySnapshot,
    descriptor: &'static Descriptor,
    visitor: &mut impl FnMut(Sample<'_>),
) {
    if let Some(extract) = find(PROCESS, descriptor) {
        let mut emit = |word: Option<&'static str>, value: Value<'_>| {
            let labels = [(last(descriptor), word.unwrap_or_default())];
            let labels = labels.get(..descriptor.labels.len()).unwrap_or_default();
            visitor(Sample { descriptor, engine: None, labels, value });
        };
        return extract(snapshot, &mut Out(&mut emit));
    }
    if std::ptr::eq(descriptor, &STACK_INFO) {
        return stacks(snapshot, visitor);
    }
    let sources = Sources::of(descriptor);
    for (index, engine) in snapshot.engines.iter().enumerate() {
        of_engine(descriptor, &sources, index, engine, visitor);
    }
}

fn of_engine(
    descriptor: &'static Descriptor,
    sources: &Sources,
    index: usize,
    engine: &EngineSnapshot,
    visitor: &mut impl FnMut(Sample<'_>),
) {
    let identity = &engine.identity;
    let mut labels = [
        ("stack", identity.stack.as_str()),
        ("layer", identity.layer),
        ("name", identity.name.as_str()),
        (last(descriptor), ""),
    ];
    let mut emit = |word: Option<&'static str>, value: Value<'_>| {
        labels[3].1 = word.unwrap_or_default();
        let labels = labels.get(..descriptor.labels.len()).unwrap_or(&labels);
        visitor(Sample { descriptor, engine: Some(index), labels, value });
    };
    sources.extract(engine, &mut Out(&mut emit));
}

fn last(descriptor: &Descriptor) -> &'static str {
    descriptor.labels.last().copied().unwrap_or_default()
}

/// One for each stack, with what the first of its engines says that says anything: two would make a join
/// by stack ambiguous.
fn stacks(snapshot: &RegistrySnapshot, visitor: &mut impl FnMut(Sample<'_>)) {
    let mut stacks: BTreeMap<Name, (Option<Name>, Option<Name>)> = BTreeMap::new();
    for EngineSnapshot { identity, .. } in &snapshot.engines {
        let (owner, runbook) = stacks.entry(identity.stack).or_default();
        *owner = owner.or(identity.owner);
        *runbook = runbook.or(identity.runbook);
    }
    for (stack, (owner, runbook)) in stacks {
        let [owner, runbook] = [owner, runbook].map(|text| text.map_or("", Name::as_str));
        let labels = &[("stack", stack.as_str()), ("owner", owner), ("runbook", runbook)];
        visitor(Sample { descriptor: &STACK_INFO, engine: None, labels, value: Value::Count(1) });
    }
}
