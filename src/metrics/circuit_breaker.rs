use super::out::Extracts;
use super::table::{
    ADMITTED, CALL_DURATION, CALLS, CIRCUIT_CONTROL, CIRCUIT_EPISODES, CIRCUIT_FAILURE_RATE,
    CIRCUIT_FAILURES, CIRCUIT_OPEN_REASON, CIRCUIT_OPENED, CIRCUIT_RECORDED, CIRCUIT_RESTARTED,
    CIRCUIT_RETRY_AFTER, CIRCUIT_SLOW_RATE, CIRCUIT_STATE, CIRCUIT_STATE_SECONDS, CIRCUIT_THRESHOLD, DRY_RUN,
    IN_FLIGHT, KEYS, KEYS_IN_STATE, KEYS_LIMIT, KEYS_OVERFLOWED, KEYS_UNLIMITED, LATE, OUTCOMES, PANICKED,
    REJECTED,
};
use crate::circuit_breaker::{
    CircuitBreakerSnapshot, CircuitControl, CircuitReason, CircuitState, KeyedCircuitBreakerSnapshot,
};
use crate::reject::RejectedKind;

pub(super) static TABLE: Extracts<CircuitBreakerSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| {
        out.word(RejectedKind::CircuitOpen.as_str(), now.rejected.saturating_sub(now.not_ready));
        out.word(RejectedKind::NotReady.as_str(), now.not_ready);
    }),
    (&DRY_RUN, |now, out| out.count(now.would_reject)),
    (&OUTCOMES, |now, out| {
        out.words([
            ("succeeded", now.succeeded),
            ("failed", now.failed),
            ("throttled", now.throttled),
            ("ignored", now.ignored),
            ("cancelled", now.cancelled),
        ]);
    }),
    (&LATE, |now, out| out.count(now.late)),
    (&PANICKED, |now, out| out.count(now.panicked)),
    (&CALL_DURATION, |now, out| out.histogram(&now.call_duration)),
    (&IN_FLIGHT, |now, out| out.count(now.in_flight)),
    (&CIRCUIT_STATE, |now, out| {
        out.one_of(STATES.map(CircuitState::as_str), Some(now.state.as_str()));
    }),
    (&CIRCUIT_CONTROL, |now, out| {
        out.one_of(CONTROLS.map(CircuitControl::as_str), Some(now.control.as_str()));
    }),
    (&CIRCUIT_OPEN_REASON, |now, out| {
        let reason = now.reason.filter(|_| now.state == CircuitState::Open);
        out.one_of(OPEN_REASONS.map(CircuitReason::as_str), reason.map(CircuitReason::as_str));
    }),
    (&CIRCUIT_STATE_SECONDS, |now, out| out.level(now.in_state_for.as_secs_f64())),
    (&CIRCUIT_RETRY_AFTER, |now, out| {
        let held = now.control == CircuitControl::Isolated;
        let unknown = if held { f64::INFINITY } else { 0.0 };
        out.level(now.retry_after.map_or(unknown, |time| time.as_secs_f64()));
    }),
    (&CIRCUIT_OPENED, |now, out| out.count(now.opened)),
    (&CIRCUIT_EPISODES, |now, out| out.count(now.episodes)),
    (&CIRCUIT_RESTARTED, |now, out| out.count(now.trials_restarted)),
    (&CIRCUIT_RECORDED, |now, out| out.count(now.recorded)),
    (&CIRCUIT_FAILURES, |now, out| out.causes(now.causes.iter())),
    (&CIRCUIT_FAILURE_RATE, |now, out| out.level(now.failure_rate)),
    (&CIRCUIT_THRESHOLD, |now, out| out.level(now.failure_rate_threshold)),
    (&CIRCUIT_SLOW_RATE, |now, out| out.level(now.slow_call_rate)),
];

pub(super) static KEYED: Extracts<KeyedCircuitBreakerSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| {
        out.word(RejectedKind::CircuitOpen.as_str(), now.rejected.saturating_sub(now.not_ready));
        out.word(RejectedKind::NotReady.as_str(), now.not_ready);
    }),
    (&DRY_RUN, |now, out| out.count(now.would_reject)),
    (&OUTCOMES, |now, out| {
        out.words([
            ("succeeded", now.succeeded),
            ("failed", now.failed),
            ("throttled", now.throttled),
            ("ignored", now.ignored),
            ("cancelled", now.cancelled),
        ]);
    }),
    (&LATE, |now, out| out.count(now.late)),
    (&PANICKED, |now, out| out.count(now.panicked)),
    (&CALL_DURATION, |now, out| out.histogram(&now.call_duration)),
    (&IN_FLIGHT, |now, out| out.count(now.in_flight)),
    (&KEYS, |now, out| out.count(now.keys as u64)),
    (&KEYS_LIMIT, |now, out| out.count(now.max_keys as u64)),
    (&KEYS_OVERFLOWED, |now, out| out.count(now.overflowed)),
    (&KEYS_UNLIMITED, |now, out| out.count(now.unguarded)),
    (&KEYS_IN_STATE, |now, out| {
        out.words([
            (CircuitState::Closed.as_str(), now.closed as u64),
            (CircuitState::Open.as_str(), now.open as u64),
            (CircuitState::HalfOpen.as_str(), now.half_open as u64),
        ]);
    }),
    (&CIRCUIT_OPENED, |now, out| out.count(now.opened)),
    (&CIRCUIT_EPISODES, |now, out| out.count(now.episodes)),
    (&CIRCUIT_RESTARTED, |now, out| out.count(now.trials_restarted)),
];

const STATES: [CircuitState; 3] = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];

const CONTROLS: [CircuitControl; 3] =
    [CircuitControl::Automatic, CircuitControl::Isolated, CircuitControl::Bypassed];

const OPEN_REASONS: [CircuitReason; 5] = [
    CircuitReason::FailureRate,
    CircuitReason::Outage,
    CircuitReason::SlowCalls,
    CircuitReason::TrialsFailed,
    CircuitReason::Isolated,
];
