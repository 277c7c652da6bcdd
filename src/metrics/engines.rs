//! Where each metric comes from, for all engines and for the process.

use super::descriptor::Descriptor;
use super::out::{Extract, Extracts, Out};
use super::table::{
    DUPLICATES, ENGINES, FINGERPRINT, MODES, OVERRIDE, OVERRIDE_REMAINING, PROCESS_MODES, SATURATION,
    UNLISTED,
};
use crate::mode::Mode;
use crate::registry::{EngineDetail, EngineSnapshot, RegistrySnapshot};

pub(super) static PROCESS: Extracts<RegistrySnapshot> = &[
    (&ENGINES, |now, out| out.count(now.engines.len() as u64)),
    (&DUPLICATES, |now, out| out.count(now.duplicates)),
    (&UNLISTED, |now, out| out.count(now.unlisted)),
    (&PROCESS_MODES, |now, out| modes(now.mode, out)),
];

static ENGINE: Extracts<EngineSnapshot> = &[
    (&MODES, |now, out| modes(now.mode, out)),
    (&OVERRIDE, |now, out| out.flag(now.overridden.is_some())),
    (&OVERRIDE_REMAINING, |now, out| {
        if let Some(set) = &now.overridden {
            out.level(set.remaining.map_or(f64::INFINITY, |time| time.as_secs_f64()));
        }
    }),
    (&FINGERPRINT, |now, out| out.count(now.fingerprint)),
    (&SATURATION, |now, out| now.saturation.into_iter().for_each(|saturation| out.level(saturation))),
];

fn modes(now: Mode, out: &mut Out<'_>) {
    out.one_of(Mode::ALL.map(Mode::as_str), Some(now.as_str()));
}

pub(super) fn find<T>(extracts: Extracts<T>, metric: &'static Descriptor) -> Option<Extract<T>> {
    extracts.iter().find(|(of, _)| std::ptr::eq(*of, metric)).map(|(_, extract)| *extract)
}

/// Each kind of engine: its feature, its detail in the snapshot, its table.
macro_rules! kinds {
    ($($feature:literal $field:ident $detail:ident $snapshot:ident $table:path;)*) => {
        /// How one metric is found in an engine of each kind.
        #[derive(Clone, Copy)]
        pub(super) struct Sources {
            any: Option<Extract<EngineSnapshot>>,
            $(#[cfg(feature = $feature)] $field: Option<Extract<crate::$snapshot>>,)*
        }

        impl Sources {
            pub(super) fn of(metric: &'static Descriptor) -> Self {
                Self {
                    any: find(ENGINE, metric),
                    $(#[cfg(feature = $feature)] $field: find($table, metric),)*
                }
            }

            pub(super) fn extract(&self, engine: &EngineSnapshot, out: &mut Out<'_>) {
                if let Some(extract) = self.any {
                    extract(engine, out);
                }
                match &engine.detail {
                    $(#[cfg(feature = $feature)]
                    EngineDetail::$detail(now) => self.$field.into_iter().for_each(|extract| extract(now, out)),)*
                }
            }
        }
    };
}

kinds! {
    "circuit-breaker" circuit_breaker CircuitBreaker CircuitBreakerSnapshot super::circuit_breaker::TABLE;
    "circuit-breaker" keyed_breaker KeyedCircuitBreaker KeyedCircuitBreakerSnapshot super::circuit_breaker::KEYED;
    "bulkhead" bulkhead Bulkhead BulkheadSnapshot super::bulkhead::TABLE;
    "bulkhead" keyed_bulkhead KeyedBulkhead KeyedBulkheadSnapshot super::bulkhead::KEYED;
    "rate-limit" rate_limit RateLimit RateLimitSnapshot super::rate_limit::TABLE;
    "rate-limit" keyed KeyedRateLimit KeyedRateLimitSnapshot super::rate_limit::KEYED;
    "retry" retry Retry RetrySnapshot super::retry::TABLE;
    "retry" retry_budget RetryBudget RetryBudgetSnapshot super::retry::BUDGET;
    "timeout" timeout Timeout TimeoutSnapshot super::timeout::TABLE;
    "fallback" fallback Fallback FallbackSnapshot super::fallback::TABLE;
}
