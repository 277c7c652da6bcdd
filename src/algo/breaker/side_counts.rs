use crate::algo::counter::Counter;

/// Counts of what is neither a success nor a failure.
#[derive(Debug, Default)]
pub(super) struct SideCounts {
    pub(super) refused: Counter,
    pub(super) not_ready: Counter,
    pub(super) would_reject: Counter,
    /// Calls that succeeded and decided nothing.
    pub(super) passed_well: Counter,
    /// Calls that failed and decided nothing.
    pub(super) passed_badly: Counter,
    pub(super) throttled: Counter,
    pub(super) ignored: Counter,
    pub(super) cancelled: Counter,
    /// Calls that were dropped too late for that, and failed.
    pub(super) given_up: Counter,
    pub(super) panicked: Counter,
    pub(super) late: Counter,
}
