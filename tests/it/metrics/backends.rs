//! Each way to export tells the same.

use buttress::metrics::{TextFormat, facade, opentelemetry, prometheus, text};
use buttress::registry::Registry;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider, Stream};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry as ClientRegistry;

use super::fixture::Everything;
use super::samples::{Samples, parsed, visited};

/// The SDK reads in a thread of its own, where time is not paused; and what is infinite it leaves out.
fn without_clocks(samples: &Samples) -> Samples {
    let mut kept = Samples::default();
    for ((name, labels), value) in samples.iter() {
        let clocks =
            ["_state_seconds", "_retry_after_seconds", "_remaining_seconds", "_budget_tokens", "_saturation"];
        if value.is_finite() && !clocks.iter().any(|clock| name.ends_with(clock)) {
            kept.add(name, labels.iter().map(|(label, value)| (&**label, &**value)), *value);
        }
    }
    kept
}

#[tokio::test(start_paused = true)]
async fn the_collector_tells_the_same_as_the_text() {
    let name = "collector \"\\\n雪";
    let everything = Everything::new(name).await;
    let mut registry = ClientRegistry::default();
    registry.register_collector(Box::new(prometheus::Engines));
    let mut collected = String::new();
    encode(&mut collected, &registry).unwrap();
    let told = visited(&everything.snapshot()).of_stack(name);
    parsed(&collected).of_stack(name).assert_are(&told);
    // Head lines too, which tell Prometheus what is a counter.
    let ours = text(&Registry::global().snapshot(), TextFormat::OpenMetrics);
    let heads = |text: &str| -> Vec<String> {
        let mut heads: Vec<_> =
            text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
        heads.sort();
        heads
    };
    assert_eq!(heads(&collected), heads(&ours));
}

#[tokio::test(start_paused = true)]
async fn opentelemetry_observes_the_same() {
    use ::opentelemetry::metrics::MeterProvider;
    let everything = Everything::new("otel").await;
    let exporter = InMemoryMetricExporter::default();
    // Other tests make engines, too.
    let many = |_: &opentelemetry_sdk::metrics::Instrument| {
        Stream::builder().with_cardinality_limit(100_000).build().ok()
    };
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).with_view(many).build();
    opentelemetry::observe(&provider.meter("buttress"));
    for _ in 0..2 {
        exporter.reset();
        provider.force_flush().unwrap();
        let mut observed = Samples::default();
        for metrics in exporter.get_finished_metrics().unwrap() {
            for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
                points(metric.name(), metric.data(), &mut observed);
            }
        }
        let told = visited(&everything.snapshot()).of_stack("otel");
        without_clocks(&observed.of_stack("otel")).assert_are(&without_clocks(&told));
    }
}

fn points(name: &str, data: &AggregatedMetrics, samples: &mut Samples) {
    let mut add = |attributes: Vec<(String, String)>, value: f64| {
        samples.add(name, attributes.iter().map(|(key, value)| (&**key, &**value)), value);
    };
    macro_rules! attributes {
        ($point:expr) => {
            $point.attributes().map(|pair| (pair.key.to_string(), pair.value.to_string())).collect()
        };
    }
    match data {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            assert!(sum.is_monotonic());
            sum.data_points().for_each(|point| add(attributes!(point), point.value() as f64));
        }
        AggregatedMetrics::F64(MetricData::Sum(sum)) => {
            sum.data_points().for_each(|point| add(attributes!(point), point.value()));
        }
        AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
            gauge.data_points().for_each(|point| add(attributes!(point), point.value()));
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_facade_is_told_the_same() {
    let everything = Everything::new("facade").await;
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let snapshot = everything.snapshot();
    // Twice: what was published once is not added up.
    ::metrics::with_local_recorder(&recorder, || {
        facade::record_snapshot(&snapshot);
        facade::record_snapshot(&snapshot);
    });
    let mut published = Samples::default();
    for (key, unit, help, value) in snapshotter.snapshot().into_vec() {
        assert!(unit.is_some() && help.is_some(), "{key:?}");
        let value = match value {
            DebugValue::Counter(count) => count as f64,
            DebugValue::Gauge(level) => level.into_inner(),
            DebugValue::Histogram(_) => panic!("{key:?}"),
        };
        let labels = key.key().labels().map(|label| (label.key(), label.value()));
        published.add(key.key().name(), labels, value);
    }
    published.assert_are(&visited(&snapshot));
}
