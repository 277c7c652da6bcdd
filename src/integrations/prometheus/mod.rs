//! The engines for [Prometheus](https://prometheus.io).
//!
//! With axum and the feature `axum` it is one line:
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use buttress::metrics::prometheus::handler;
//!
//! let app: Router = Router::new().route("/metrics", get(handler));
//! # }
//! ```
//!
//! Beside metrics of your own, in a registry of `prometheus-client`:
//!
//! ```
//! use buttress::metrics::prometheus::Engines;
//! use prometheus_client::{encoding::text::encode, registry::Registry};
//!
//! let mut registry = Registry::default();
//! registry.register_collector(Box::new(Engines));
//!
//! let _bulkhead = buttress::Bulkhead::new(8).named("reports");
//! let mut text = String::new();
//! encode(&mut text, &registry).unwrap();
//! assert!(text.contains(r#"buttress_limit{stack="reports",layer="bulkhead",name="reports"} 8"#));
//! ```
//!
//! With anything else, [`text`](crate::metrics::text) writes what is to be sent.

mod collector;
#[cfg(feature = "axum")]
mod handler;

pub use collector::Engines;
#[cfg(feature = "axum")]
pub use handler::handler;
