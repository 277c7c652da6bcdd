//! What is to be seen of all keys.

use super::circuit::Circuit;
use super::engine::KeyedCircuitBreaker;
use super::snapshot::{KeyedCircuitBreakerSnapshot, KeyedCircuitSnapshot, States, Sum};
use crate::algo::breaker::CircuitState;
use crate::algo::keyed::Worst;
use crate::algo::window::Counts;
use crate::clock;
use crate::sync::{Arc, Ordering::Relaxed};
use crate::units::rate;

impl KeyedCircuitBreaker {
    /// The keys that are worst off, at most so many: first those that are open, then half-open ones, then by the
    /// share of failures and their number. Looks at all keys.
    #[must_use]
    pub fn worst(&self, most: usize) -> Vec<KeyedCircuitSnapshot> {
        let now = clock::now();
        let mut worst = Worst::new(most);
        let mut look = |circuit: &Arc<Circuit>| {
            let (view, totals) = circuit.shell.view_at(now);
            let Counts { recorded, failures, .. } = view.evidence.counts;
            let by_state = match view.state {
                CircuitState::Open => 2_u8,
                CircuitState::HalfOpen => 1,
                CircuitState::Closed => 0,
            };
            if by_state > 0 || totals.admitted > 0 {
                // A share is never negative, so its bits are in order.
                worst.look((by_state, rate(failures, recorded).to_bits(), failures), circuit);
            }
        };
        self.0.table.look(&mut look, |_| ());
        look(&self.0.strangers);
        let snapshot = |circuit: Arc<Circuit>| KeyedCircuitSnapshot {
            key: circuit.key.as_ref().into(),
            circuit: circuit.snapshot(),
        };
        worst.into_iter().map(snapshot).collect()
    }

    /// The counts of all keys together. Looks at one key after the other; a call with that key that fails just then
    /// may wait for the look, and so does a new key.
    #[must_use]
    pub fn snapshot(&self) -> KeyedCircuitBreakerSnapshot {
        let shared = &*self.0;
        let now = clock::now();
        let not_ready = shared.not_ready.load(Relaxed);
        let (mut states, mut here, mut gone) = (States::default(), Sum::default(), Sum::default());
        let look = |circuit: &Arc<Circuit>| {
            let seen = circuit.shell.view_at(now);
            states.count(&seen.0);
            here = here.plus(Sum::of(&seen));
        };
        shared.table.look(look, |sum| gone = gone.plus(*sum));
        let [strangers, unguarded] =
            [&shared.strangers, &shared.unguarded].map(|circuit| Sum::of(&circuit.shell.view_at(now)));
        let Sum { totals, opened, episodes, restarted } = here.plus(gone).plus(strangers).plus(unguarded);
        let (call_duration, at_once) = shared.common.durations.of(&totals);
        let rejected = totals.refused.saturating_add(not_ready);
        let ended = [totals.succeeded, totals.failed, totals.throttled, totals.ignored, totals.cancelled];
        KeyedCircuitBreakerSnapshot {
            name: self.name(),
            mode: shared.common.panel.mode(),
            keys: states.closed + states.open + states.half_open,
            max_keys: self.max_keys(),
            closed: states.closed,
            open: states.open,
            half_open: states.half_open,
            held: states.held,
            opened,
            episodes,
            trials_restarted: restarted,
            calls: totals.admitted.saturating_add(rejected),
            admitted: totals.admitted,
            rejected,
            not_ready,
            would_reject: totals.would_reject,
            succeeded: totals.succeeded,
            failed: totals.failed,
            throttled: totals.throttled,
            ignored: totals.ignored,
            cancelled: totals.cancelled,
            panicked: totals.panicked,
            late: totals.late,
            in_flight: ended.into_iter().fold(totals.admitted, u64::saturating_sub),
            unguarded: unguarded.totals.admitted,
            overflowed: strangers.totals.admitted.saturating_add(strangers.totals.refused),
            call_duration,
            at_once,
        }
    }
}
