use crate::algo::breaker::{CircuitControl, CircuitState, MachineView, Totals};
use crate::algo::histogram::Histogram;
use crate::circuit_breaker::snapshot::CircuitBreakerSnapshot;
use crate::mode::Mode;
use crate::name::Name;

/// The counts of a [`KeyedCircuitBreaker`](super::KeyedCircuitBreaker), of all keys together and since it was made; those
/// of keys that went are in it.
///
/// At any moment `calls = admitted + rejected`, and
/// `admitted = succeeded + failed + throttled + ignored + cancelled + in_flight`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyedCircuitBreakerSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// Whether it rejects anything.
    pub mode: Mode,
    /// Keys in the table.
    pub keys: usize,
    /// The most keys that the table may hold.
    pub max_keys: usize,
    /// Keys whose circuit is closed.
    pub closed: usize,
    /// Keys whose circuit is open, those included that are held so by hand.
    pub open: usize,
    /// Keys whose circuit is half-open.
    pub half_open: usize,
    /// Keys that are held open or let through by hand.
    pub held: usize,
    /// How often a circuit opened, isolations included.
    pub opened: u64,
    /// How often a circuit opened from closed. Not again because trial calls failed, as `opened` does.
    pub episodes: u64,
    /// How often a half-open started afresh because its trial calls hung.
    pub trials_restarted: u64,
    /// Calls that came in.
    pub calls: u64,
    /// Calls that were let through.
    pub admitted: u64,
    /// Calls that were not, `not_ready` included.
    pub rejected: u64,
    /// Calls that came without readiness.
    pub not_ready: u64,
    /// Calls that a dry run let through.
    pub would_reject: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed, with those that were cancelled too late.
    pub failed: u64,
    /// Calls that the service did not take because there were too many.
    pub throttled: u64,
    /// Calls whose result said nothing.
    pub ignored: u64,
    /// Calls that were dropped early, or ended in a panic.
    pub cancelled: u64,
    /// How many of those ended in a panic.
    pub panicked: u64,
    /// Results of calls that were let through in an earlier epoch of their circuit. They changed nothing.
    pub late: u64,
    /// Calls that were let through and have not ended yet.
    pub in_flight: u64,
    /// Calls without a key, which are not guarded. They are among the admitted ones.
    pub unguarded: u64,
    /// Calls whose key found no place in the table, admitted or not.
    pub overflowed: u64,
    /// How long the calls took that came back, see [`CircuitBreakerSnapshot::call_duration`].
    pub call_duration: Histogram,
    /// Calls that were answered by their first poll.
    pub at_once: u64,
}

/// One key of a [`KeyedCircuitBreaker`](super::KeyedCircuitBreaker) at one moment.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyedCircuitSnapshot {
    /// The key, as its `Debug` shows it, on one line and at most 200 characters of it.
    pub key: String,
    /// Its circuit.
    pub circuit: CircuitBreakerSnapshot,
}

/// Counts of one circuit or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(super) totals: Totals,
    pub(super) opened: u64,
    pub(super) episodes: u64,
    pub(super) restarted: u64,
}

impl Sum {
    pub(super) fn of((view, totals): &(MachineView, Totals)) -> Self {
        Self { totals: *totals, opened: view.opened, episodes: view.episodes, restarted: view.restarted }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            totals: self.totals.plus(other.totals),
            opened: self.opened.saturating_add(other.opened),
            episodes: self.episodes.saturating_add(other.episodes),
            restarted: self.restarted.saturating_add(other.restarted),
        }
    }
}

/// How many keys are in which state.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct States {
    pub(super) closed: usize,
    pub(super) open: usize,
    pub(super) half_open: usize,
    pub(super) held: usize,
}

impl States {
    pub(super) fn count(&mut self, view: &MachineView) {
        let state = match view.state {
            CircuitState::Closed => &mut self.closed,
            CircuitState::Open => &mut self.open,
            CircuitState::HalfOpen => &mut self.half_open,
        };
        *state = state.saturating_add(1);
        let is_held = view.control != CircuitControl::Automatic;
        self.held = self.held.saturating_add(is_held.into());
    }
}
