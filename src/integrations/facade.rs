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

use crate::metrics::{Descriptor, Kind, Sample, Unit, Value, descriptors, visit};
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
        _ => recorder.describe_gauge(name, Some(unit), help),
    }
}

fn publish(recorder: &dyn Recorder, sample: &Sample<'_>) {
    let labels: Vec<_> =
        sample.labels.iter().map(|(key, value)| Label::from_static_parts(key, value)).collect();
    let key = Key::from_parts(KeyName::from_const_str(sample.descriptor.name), labels);
    match (sample.descriptor.kind, sample.value) {
        (Kind::Counter, Value::Count(count)) => recorder.register_counter(&key, &METADATA).absolute(count),
        (_, value) => recorder.register_gauge(&key, &METADATA).set(value.as_f64()),
    }
}
