//! The engines as observable instruments of an [`opentelemetry`](https://docs.rs/opentelemetry) meter.
//!
//! ```no_run
//! use buttress::metrics::opentelemetry::observe;
//!
//! // After the meter provider was set.
//! observe(&opentelemetry::global::meter("buttress"));
//! ```
//!
//! Once for each meter provider: instruments of a provider last as long as it does. They are read when a
//! reader collects, all from one snapshot.
//!
//! The API has no observable histogram. So a histogram becomes observable up-down counters: `_bucket` with the
//! attribute `le`, `_count` and `_sum`. To Prometheus that is a histogram; counters would be renamed on their
//! way there. The SDK leaves out what is infinite: a circuit that is held open without end has no
//! `buttress_circuit_retry_after_seconds` there.
//!
//! The SDK keeps 2,000 attribute sets of each instrument unless a view tells it otherwise, and sums up the rest.
//! The largest instrument here is `buttress_call_duration_seconds_bucket`. It has 19, `+Inf` included, for each circuit
//! breaker and each time-out, which is 57 for each [client stack](crate::client_stack). With more than 35 of them it needs a
//! view:
//!
//! ```
//! # use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
//! let provider = SdkMeterProvider::builder().with_view(|instrument: &Instrument| {
//!     let ours = instrument.name().starts_with("buttress_");
//!     ours.then(|| Stream::builder().with_cardinality_limit(100_000).build().ok()).flatten()
//! });
//! ```

use std::time::Duration;

use ::opentelemetry::KeyValue;
use ::opentelemetry::metrics::{AsyncInstrument, Meter};

use crate::clock;
use crate::metrics::{Descriptor, Kind, Sample, Unit, Value, buckets, descriptors, visit_one};
use crate::registry::{Registry, RegistrySnapshot};
use crate::sync::{Arc, Mutex, lock};
use crate::units::Instant;

/// Makes observable instruments of all metrics, for all engines of the process.
pub fn observe(meter: &Meter) {
    let latest = Arc::new(Latest::default());
    let instruments = descriptors().iter().flat_map(|of| parts_of(of).iter().map(move |part| (*of, *part)));
    for (index, (of, part)) in instruments.enumerate() {
        let latest = Arc::clone(&latest);
        let snapshot = move || latest.snapshot(index);
        match (of.kind, part) {
            (Kind::Counter, _) => counter(meter, of, snapshot),
            (Kind::Gauge, _) => gauge(meter, of, snapshot),
            (Kind::Histogram, part) => part_of_histogram(meter, of, part, snapshot),
        }
    }
}

fn parts_of(of: &Descriptor) -> &'static [&'static str] {
    if of.kind == Kind::Histogram { &[BUCKET, COUNT, SUM] } else { &[""] }
}

const BUCKET: &str = "_bucket";
const COUNT: &str = "_count";
const SUM: &str = "_sum";

/// Asks for the snapshot that is to be shown.
trait Ask: Fn() -> Arc<RegistrySnapshot> + Send + Sync + 'static {}
impl<F: Fn() -> Arc<RegistrySnapshot> + Send + Sync + 'static> Ask for F {}

fn counter(meter: &Meter, of: &'static Descriptor, snapshot: impl Ask) {
    let callback = move |instrument: &dyn AsyncInstrument<u64>| {
        visit_one(&snapshot(), of, &mut |sample| {
            if let Value::Count(count) = sample.value {
                instrument.observe(count, &attributes(&sample, None));
            }
        });
    };
    let builder = meter.u64_observable_counter(of.name).with_description(of.help);
    // It lasts as long as the provider.
    let _instrument = builder.with_callback(callback).build();
}

fn gauge(meter: &Meter, of: &'static Descriptor, snapshot: impl Ask) {
    let callback = move |instrument: &dyn AsyncInstrument<f64>| {
        visit_one(&snapshot(), of, &mut |sample| {
            instrument.observe(sample.value.as_f64(), &attributes(&sample, None));
        });
    };
    // A unit only where the name says it already: exporters add others to the name.
    let unit = if of.unit == Unit::Seconds { "s" } else { "" };
    let builder = meter.f64_observable_gauge(of.name).with_description(of.help).with_unit(unit);
    let _instrument = builder.with_callback(callback).build();
}

fn part_of_histogram(meter: &Meter, of: &'static Descriptor, part: &'static str, snapshot: impl Ask) {
    let callback = move |instrument: &dyn AsyncInstrument<f64>| {
        visit_one(&snapshot(), of, &mut |sample| {
            let Value::Histogram(histogram) = sample.value else { return };
            match part {
                BUCKET => buckets(histogram).for_each(|(le, count)| {
                    instrument.observe(Value::Count(count).as_f64(), &attributes(&sample, Some(le)));
                }),
                COUNT => {
                    let count = Value::Count(histogram.count());
                    instrument.observe(count.as_f64(), &attributes(&sample, None));
                }
                _ => instrument.observe(sample.value.as_f64(), &attributes(&sample, None)),
            }
        });
    };
    let name = format!("{}{part}", of.name);
    let builder = meter.f64_observable_up_down_counter(name).with_description(of.help);
    let _instrument = builder.with_callback(callback).build();
}

fn attributes(sample: &Sample<'_>, le: Option<&'static str>) -> Vec<KeyValue> {
    let le = le.map(|le| ("le", le));
    sample.labels.iter().copied().chain(le).map(|(key, value)| KeyValue::new(key, value)).collect()
}

/// The snapshot that all instruments of one collection show.
#[derive(Default)]
struct Latest(Mutex<Option<Taken>>);

struct Taken {
    snapshot: Arc<RegistrySnapshot>,
    at: Instant,
    /// Which instruments have shown it, a bit for each.
    shown: u128,
}

/// A collection asks all instruments one after the other. One that takes longer is content with several snapshots.
const ONE_COLLECTION: Duration = Duration::from_millis(500);

impl Latest {
    /// A new one if this instrument has shown the last one already: then this is another collection.
    fn snapshot(&self, index: usize) -> Arc<RegistrySnapshot> {
        let now = clock::now();
        let this = 1_u128.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or_default();
        let mut latest = lock(&self.0);
        match &mut *latest {
            Some(taken) if taken.shown & this == 0 && now.saturating_since(taken.at) < ONE_COLLECTION => {
                taken.shown |= this;
                Arc::clone(&taken.snapshot)
            }
            _ => {
                let snapshot = Arc::new(Registry::global().snapshot());
                *latest = Some(Taken { snapshot: Arc::clone(&snapshot), at: now, shown: this });
                snapshot
            }
        }
    }
}
