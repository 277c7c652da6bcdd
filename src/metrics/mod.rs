//! What the engines of the process have to tell, for Prometheus, OpenTelemetry and the `metrics` facade.
//!
//! Nothing is counted for this: the engines count anyway, and an exporter asks for a
//! [snapshot](crate::registry::RegistrySnapshot) when somebody wants to know. All exporters show the same
//! metrics under the same names, and the words in labels are those of log fields and JSON keys. They are
//! documented in one table, `docs/metrics.md`, which is made from [`descriptors`].
//!
//! # Wiring
//!
//! Prometheus, in an axum router (features `prometheus` and `axum`):
//!
//! ```
//! # #[cfg(all(feature = "prometheus", feature = "axum"))] {
//! use axum::{Router, routing::get};
//!
//! let app: Router = Router::new().route("/metrics", get(buttress::metrics::prometheus::handler));
//! # }
//! ```
//!
//! Beside metrics of your own, with `prometheus-client` (feature `prometheus`):
//!
//! ```
//! # #[cfg(feature = "prometheus")] {
//! let mut registry = prometheus_client::registry::Registry::default();
//! registry.register_collector(Box::new(buttress::metrics::prometheus::Engines));
//! # }
//! ```
//!
//! OpenTelemetry (feature `opentelemetry`), once the meter provider was set:
//!
//! ```
//! # #[cfg(feature = "opentelemetry")] {
//! buttress::metrics::opentelemetry::observe(&opentelemetry::global::meter("buttress"));
//! # }
//! ```
//!
//! The `metrics` facade (feature `metrics`), as often as the metrics shall be new:
//!
//! ```
//! # #[cfg(feature = "metrics")] {
//! buttress::metrics::facade::record();
//! # }
//! ```
//!
//! Anything else, without any feature: [`text`] is what Prometheus reads, and [`visit`] shows each sample.
//!
//! # Names and labels
//!
//! Each sample of an engine has the labels `stack`, `layer` and `name`, see the [registry](crate::registry).
//! Some have one label more: `reason`, `outcome`, `state`, `control` or `mode`. Its words are known beforehand,
//! except for causes, of which a few are told apart and the rest is `other`. So how many series there are
//! depends on how many engines there are, and on nothing that traffic brings: keys of a limiter are only
//! counted. What is one of several (a state, a mode) has a sample for each, 1 for the one that is so.
//!
//! Names are escaped; whatever a stack is called cannot break the output.
//!
//! # What it costs
//!
//! A call pays nothing: it takes no lock and does no work that it would not without a scrape. A scrape takes a
//! moment's lock of the list of engines, which only making an engine takes too, and then looks at one engine
//! after the other. A look reads counters; of a circuit breaker, and of a limiter that queues or has keys, it takes
//! that engine's own lock (or its locks, one by one) for as long as it takes to copy some numbers, so a call that needs
//! it (one that fails, waits or has a key; of those that succeed, few) may wait for a fraction of a microsecond, once
//! for each scrape. Writing happens after all looks, with no lock held.
//!
//! [`text`], and with it the axum handler, is written for this: 1,200 engines with 34,000 samples take some 2.5 ms,
//! snapshot included, a third of what `prometheus-client` takes for the same, which writes all labels of each
//! sample anew, piece by piece. `cargo bench --bench scrape` measures both, and what calls feel of it.
//!
//! # What to do with them
//!
//! `dashboards/buttress.json` is for Grafana, `alerts/buttress.rules.yml` for Prometheus, and
//! `docs/operating.md` says what each alert means and what to do.

mod buckets;
mod descriptor;
mod engines;
mod out;
mod table;
mod text;
mod walk;

#[cfg(feature = "bulkhead")]
mod bulkhead;
#[cfg(feature = "circuit-breaker")]
mod circuit_breaker;
#[cfg(feature = "fallback")]
mod fallback;
#[cfg(feature = "rate-limit")]
mod rate_limit;
#[cfg(feature = "retry")]
mod retry;
#[cfg(feature = "timeout")]
mod timeout;

pub use buckets::{EDGES, buckets};
pub use descriptor::{Descriptor, Kind, Unit};
pub use out::Value;
pub use text::{TextFormat, text};
pub use walk::{Sample, descriptors, visit};

#[cfg(feature = "metrics")]
pub use crate::integrations::facade;
#[cfg(feature = "opentelemetry")]
pub use crate::integrations::opentelemetry;
#[cfg(feature = "prometheus")]
pub use crate::integrations::prometheus;

#[cfg(any(feature = "prometheus", feature = "opentelemetry"))]
pub(crate) use walk::visit_one;
