use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit as ClientUnit;

use crate::Histogram;
use crate::metrics::{Descriptor, EDGES, Kind, Sample, Unit, Value, buckets, descriptors, visit_one};
use crate::registry::{Registry, RegistrySnapshot};

/// All engines of the process, as a collector for a registry of `prometheus-client`.
///
/// Register it in a registry without a prefix: the names have one, and dashboard and alerts rely on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engines;

impl Collector for Engines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let snapshot = Registry::global().snapshot();
        descriptors().iter().try_for_each(|descriptor| family(&snapshot, descriptor, &mut encoder))
    }
}

fn family(
    snapshot: &RegistrySnapshot,
    of: &'static Descriptor,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), Error> {
    let mut is_there = false;
    visit_one(snapshot, of, &mut |_| is_there = true);
    if !is_there {
        return Ok(());
    }
    let (name, unit, kind) = named(of);
    let mut encoder = encoder.encode_descriptor(name, of.help, unit.as_ref(), kind)?;
    let mut result = Ok(());
    visit_one(snapshot, of, &mut |sample| {
        if result.is_ok() {
            result = encode(&mut encoder, &sample);
        }
    });
    result
}

/// What the encoder makes our name of.
fn named(of: &Descriptor) -> (&'static str, Option<ClientUnit>, MetricType) {
    let (name, kind) = match of.kind {
        Kind::Counter => (of.name.trim_end_matches("_total"), MetricType::Counter),
        Kind::Histogram => (of.name, MetricType::Histogram),
        Kind::Gauge => (of.name, MetricType::Gauge),
    };
    match name.strip_suffix("_seconds") {
        Some(name) if of.unit == Unit::Seconds => (name, Some(ClientUnit::Seconds), kind),
        _ => (name, None, kind),
    }
}

fn encode(encoder: &mut MetricEncoder<'_>, sample: &Sample<'_>) -> Result<(), Error> {
    let mut encoder = encoder.encode_family(&sample.labels)?;
    match (sample.descriptor.kind, sample.value) {
        (Kind::Counter, Value::Count(count)) => encoder.encode_counter::<NoLabelSet, _, u64>(&count, None),
        (_, Value::Count(count)) => encoder.encode_gauge(&count),
        (_, Value::Level(level)) => encoder.encode_gauge(&level),
        (_, Value::Histogram(histogram)) => histogram_of(&mut encoder, histogram),
    }
}

fn histogram_of(encoder: &mut MetricEncoder<'_>, histogram: &Histogram) -> Result<(), Error> {
    let edges = EDGES.map(|(_, edge)| edge.as_secs_f64()).into_iter().chain([f64::INFINITY]);
    let mut total = 0;
    // It adds them up itself.
    let single =
        buckets(histogram).map(|(_, count)| count.saturating_sub(std::mem::replace(&mut total, count)));
    let buckets: Vec<_> = edges.zip(single).collect();
    encoder.encode_histogram::<NoLabelSet>(histogram.sum().as_secs_f64(), total, &buckets, None)
}
