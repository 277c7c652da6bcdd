//! The engines through the [`metrics`](https://docs.rs/metrics) facade, for whichever recorder is installed.
//!
//! The facade is pushed to, so somebody has to push, as often as the metrics shall be new:
//!
//! ```no_run
//! # async fn example() {
//! use buttress::metrics::facade;
//!
//! tokio::spawn(async {
//!     let mut every = tokio::time::interval(std::time::Duration::from_secs(10));
//!     loop {
//!         every.tick().await;
//!         facade::record();
//!     }
//! });
//! # }
//! ```
//!
//! The facade's histograms take single values, and ours are counted already. So a histogram becomes counters:
//! `_bucket` with the label `le`, and `_count`; and a gauge, `_sum`. To Prometheus that is a histogram.
//!
//! A recorder keeps what it was given. An engine that is gone stays there with its last values, unless the
//! recorder lets go of what is idle.

use ::metrics::{
    Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit as FacadeUnit, with_recorder,
};

use crate::metrics::{Descriptor, Kind, Sample, Unit, Value, buckets, descriptors, visit};
use crate::registry::{Registry, RegistrySnapshot};

static METADATA: Metadata<'static> = Metadata::new("buttress", Level::INFO, Some("buttress"));

/// Publishes all engines of the process as they are now.
pub fn record() {
    record_snapshot(&Registry::global().snapshot());
}

/// Publishes a snapshot.
pub fn record_snapshot(snapshot: &RegistrySnapshot) {
    with_recorder(|recorder| {
        // Each time, for recorders that come late: it is little beside the rest.
        descriptors().iter().for_each(|descriptor| describe(recorder, descriptor));
        visit(snapshot, |sample| publish(recorder, &sample));
    });
}

fn describe(recorder: &dyn Recorder, of: &Descriptor) {
    let name = KeyName::from_const_str(of.name);
    let unit = match of.unit {
        Unit::Seconds => FacadeUnit::Seconds,
        Unit::CallsPerSecond => FacadeUnit::CountPerSecond,
        _ => FacadeUnit::Count,
    };
    let help = SharedString::const_str(of.help);
    match of.kind {
        Kind::Counter => recorder.describe_counter(name, Some(unit), help),
        Kind::Gauge => recorder.describe_gauge(name, Some(unit), help),
        Kind::Histogram => {
            let [bucket, count, sum] = parts_of(of);
            recorder.describe_counter(bucket, Some(FacadeUnit::Count), help.clone());
            recorder.describe_counter(count, Some(FacadeUnit::Count), help.clone());
            recorder.describe_gauge(sum, Some(unit), help);
        }
    }
}

/// What becomes of a histogram.
fn parts_of(of: &Descriptor) -> [KeyName; 3] {
    ["_bucket", "_count", "_sum"].map(|part| KeyName::from(format!("{}{part}", of.name)))
}

fn publish(recorder: &dyn Recorder, sample: &Sample<'_>) {
    let name = || KeyName::from_const_str(sample.descriptor.name);
    match (sample.descriptor.kind, sample.value) {
        (_, Value::Histogram(histogram)) => {
            let [bucket, count, sum] = parts_of(sample.descriptor);
            let mut total = 0;
            for (le, up_to) in buckets(histogram) {
                counter(recorder, bucket.clone(), labels(sample, Some(le)), up_to);
                total = up_to;
            }
            counter(recorder, count, labels(sample, None), total);
            gauge(recorder, sum, labels(sample, None), sample.value);
        }
        (Kind::Counter, Value::Count(count)) => counter(recorder, name(), labels(sample, None), count),
        (_, value) => gauge(recorder, name(), labels(sample, None), value),
    }
}

fn labels(sample: &Sample<'_>, le: Option<&'static str>) -> Vec<Label> {
    let le = le.map(|le| ("le", le));
    sample.labels.iter().copied().chain(le).map(|(key, value)| Label::from_static_parts(key, value)).collect()
}

fn counter(recorder: &dyn Recorder, name: KeyName, labels: Vec<Label>, count: u64) {
    recorder.register_counter(&Key::from_parts(name, labels), &METADATA).absolute(count);
}

fn gauge(recorder: &dyn Recorder, name: KeyName, labels: Vec<Label>, value: Value<'_>) {
    recorder.register_gauge(&Key::from_parts(name, labels), &METADATA).set(value.as_f64());
}
