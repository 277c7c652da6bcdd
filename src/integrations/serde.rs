//! How snapshots look as JSON: durations are seconds, causes are a map from the cause to its count.

use std::time::{Duration, SystemTime};

use ::serde::ser::SerializeStruct;
use ::serde::{Serialize, Serializer};

use crate::algo::histogram::Histogram;

pub(crate) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

pub(crate) fn optional_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

pub(crate) fn unix_seconds<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_f64(since.as_secs_f64())
}

/// The sum, and what people ask for, in seconds; and of the buckets those that hold something: the upper edge
/// and how many times were at most that long. The rest up to the count took longer than the last edge.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let quantile = |q| self.quantile(q).map(|time| time.as_secs_f64());
        let filled = self.buckets().scan(0, |before, (edge, count)| {
            let is_empty = std::mem::replace(before, count) == count;
            Some((!is_empty).then_some((edge.as_secs_f64(), count)))
        });
        let mut fields = serializer.serialize_struct("Histogram", 6)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("sum", &self.sum().as_secs_f64())?;
        fields.serialize_field("p50", &quantile(0.5))?;
        fields.serialize_field("p95", &quantile(0.95))?;
        fields.serialize_field("p99", &quantile(0.99))?;
        fields.serialize_field("buckets", &filled.flatten().collect::<Vec<_>>())?;
        fields.end()
    }
}

#[cfg(any(feature = "retry", feature = "fallback"))]
pub(crate) fn counts<S: Serializer>(
    counts: &[(&'static str, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().copied())
}

#[cfg(feature = "circuit-breaker")]
impl Serialize for crate::circuit_breaker::Causes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
