#![allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use crate::algo::breaker::open_time::OpenTime;
use crate::algo::breaker::rules::{OutageRule, TrialRule};
use crate::algo::window::Shape;
use crate::units::Ratio;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(0).saturating_add(Duration::from_secs(seconds))
}

/// The last 4 calls, all of them, half of them; 10 s open, then 20 s; 2 trial calls of which 2 must succeed.
fn settings() -> Settings {
    Settings {
        window: Shape::Last(4),
        min_calls: 4,
        failure_rate: Ratio::new("failure_rate", 0.5).unwrap(),
        outage: None,
        slow: None,
        trials: TrialRule { calls: 2, successes: 2, timeout: 5 * SECOND },
        open_time: OpenTime { base: 10 * SECOND, factor: 2.0, cap: 60 * SECOND, jitter: 0.0 },
        cancelled_after: None,
    }
}

fn inputs<'a>(seconds: u64, refused: u64) -> Inputs<'a> {
    Inputs { now: at(seconds), refused, random: &|| 0.5 }
}

fn failure(cause: &'static str) -> Recorded {
    Recorded { failure: Some(cause), slow: false }
}

const SUCCESS: Recorded = Recorded { failure: None, slow: false };

fn trial(machine: &mut Machine, seconds: u64) -> (Role, Option<Transition>) {
    let (role, transition) = machine.admit(&inputs(seconds, 0));
    (role.unwrap(), transition)
}

/// Open since then.
fn opened(settings: Settings, seconds: u64) -> Machine {
    let mut machine = Machine::new(settings, at(0));
    let transitions: Vec<_> =
        (0..4).filter_map(|_| machine.record(Role::Call, failure("503"), &inputs(seconds, 0))).collect();
    assert_eq!(transitions.len(), 1);
    machine
}

#[test]
fn each_transition_tells_what_it_was_about() {
    use CircuitReason::{FailureRate, OpenTimeOver, TrialsFailed, TrialsSucceeded};
    use CircuitState::{Closed, HalfOpen, Open};
    let mut machine = Machine::new(settings(), at(0));
    let mut told = Vec::new();
    for cause in ["503", "timeout", "503"] {
        assert!(machine.record(Role::Call, failure(cause), &inputs(1, 5)).is_none());
    }
    told.extend(machine.record(Role::Call, failure("503"), &inputs(2, 5)));
    for (start, results) in [(12, [SUCCESS, failure("reset")]), (40, [SUCCESS, SUCCESS])] {
        let roles = [(); 2].map(|()| {
            let (role, transition) = machine.admit(&inputs(start, 9));
            told.extend(transition);
            role.unwrap()
        });
        for (role, result) in roles.into_iter().zip(results) {
            told.extend(machine.record(role, result, &inputs(start + 1, 11)));
        }
    }
    let steps: Vec<_> = told.iter().map(|told| (told.from, told.to, told.reason)).collect();
    let opens = [(Closed, Open, FailureRate), (Open, HalfOpen, OpenTimeOver), (HalfOpen, Open, TrialsFailed)];
    assert_eq!(steps[..3], opens);
    assert_eq!(steps[3..], [(Open, HalfOpen, OpenTimeOver), (HalfOpen, Closed, TrialsSucceeded)]);
    let waits: Vec<_> = told.iter().map(|told| told.retry_after).collect();
    assert_eq!(waits, [Some(10 * SECOND), None, Some(20 * SECOND), None, None]);
    let causes: Vec<_> = told.iter().map(|told| told.evidence.causes.to_string()).collect();
    assert_eq!(causes, ["503 3, timeout 1", "503 3, timeout 1", "reset 1", "reset 1", "reset 1"]);
    let rows: Vec<_> = told.iter().map(|told| (told.episode.opened, told.episode.rejected)).collect();
    assert_eq!(rows, [(1, 0), (1, 4), (2, 6), (2, 4), (2, 6)]);
    assert_eq!(told[4].episode.lasted, 39 * SECOND);
    assert_eq!(told[2].evidence.counts, Counts { recorded: 2, failures: 1, slow: 0 });
    assert_eq!(told[0].evidence.in_a_row, 4);
}

#[test]
fn a_result_of_another_kind_of_call_changes_nothing() {
    let mut machine = Machine::new(settings(), at(0));
    assert!(machine.record(Role::Trial(0), failure("503"), &inputs(1, 0)).is_none());
    assert!(!machine.give_back(Role::Trial(0)) && !machine.give_back(Role::Call));
    assert_eq!(machine.view(at(1)).evidence, Evidence::NONE);

    let mut machine = opened(settings(), 0);
    let (role, _) = trial(&mut machine, 10);
    assert!(machine.record(Role::Call, failure("503"), &inputs(11, 0)).is_none());
    assert!(machine.record(Role::Passed, failure("503"), &inputs(11, 0)).is_none());
    assert!(!machine.give_back(Role::Passed));
    let view = machine.view(at(11));
    assert_eq!((view.state, view.trials_in_flight, view.trials_failed), (CircuitState::HalfOpen, 1, 0));
    assert!(machine.give_back(role));
    assert_eq!(machine.view(at(11)).trials_in_flight, 0);
}

#[test]
fn successes_from_outside_count_only_while_it_is_closed() {
    let mut machine = Machine::new(settings(), at(0));
    machine.record(Role::Call, failure("503"), &inputs(0, 0));
    machine.push_successes(0);
    assert_eq!(machine.view(at(0)).evidence.in_a_row, 1, "none came");
    machine.push_successes(1);
    let evidence = machine.view(at(0)).evidence;
    assert_eq!((evidence.in_a_row, evidence.counts.recorded), (0, 2));

    let mut machine = opened(settings(), 0);
    let before = machine.view(at(1)).evidence;
    machine.push_successes(7);
    assert_eq!(machine.view(at(1)).evidence, before);
    let _ = machine.reset(&inputs(2, 0));
    assert_eq!(machine.view(at(2)).evidence, Evidence::NONE);
}

#[test]
fn an_outage_is_told_by_its_own_failures() {
    let outage = Some(OutageRule { failures: 2, span: SECOND });
    let mut machine =
        Machine::new(Settings { outage, window: Shape::Last(9), min_calls: 9, ..settings() }, at(0));
    machine.record(Role::Call, failure("connect"), &inputs(0, 0));
    machine.record(Role::Call, SUCCESS, &inputs(0, 0));
    machine.record(Role::Call, failure("timeout"), &inputs(1, 0));
    let told = machine.record(Role::Call, failure("timeout"), &inputs(2, 0)).unwrap();
    assert_eq!(
        (told.reason, told.evidence.causes.to_string().as_str()),
        (CircuitReason::Outage, "timeout 2")
    );
    assert_eq!(told.evidence.counts, Counts { recorded: 4, failures: 3, slow: 0 });
}

#[test]
fn a_slow_success_is_no_sign_that_it_may_close() {
    let mut machine = opened(settings(), 0);
    let (role, _) = trial(&mut machine, 10);
    let told = machine.record(role, Recorded { failure: None, slow: true }, &inputs(11, 0)).unwrap();
    assert_eq!((told.to, told.evidence.causes.to_string().as_str()), (CircuitState::Open, "slow 1"));
}

#[test]
fn a_stuck_half_open_begins_afresh_once_per_time_out() {
    let mut machine = opened(settings(), 0);
    let (stuck, _) = trial(&mut machine, 10);
    trial(&mut machine, 11);
    let epoch = machine.epoch();
    // The oldest counts for 5 s.
    assert_eq!(machine.refusal(at(14)), Some(Refusal { until: at(15), retry_after: Some(SECOND) }));
    assert!(machine.admit(&inputs(14, 0)).0.is_err());
    let (_, transition) = trial(&mut machine, 15);
    assert!(transition.is_none() && machine.epoch() == epoch + 1);
    let view = machine.view(at(15));
    assert_eq!((view.restarted, view.trials_in_flight, view.state), (1, 1, CircuitState::HalfOpen));
    trial(&mut machine, 15);
    assert_eq!(machine.view(at(15)).restarted, 1, "there was room");
    assert_eq!(stuck, Role::Trial(0));
}

#[test]
fn what_a_hand_holds_ends_when_it_was_said() {
    let mut machine = opened(settings(), 0);
    let told = machine.isolate(at(30), &inputs(3, 0)).unwrap();
    assert_eq!((told.control, told.retry_after), (CircuitControl::Isolated, None));
    let view = machine.view(at(10));
    assert_eq!((view.control_remaining, view.retry_after), (Some(20 * SECOND), None));
    assert_eq!(machine.refusal(at(29)), Some(Refusal { until: at(30), retry_after: None }));
    // Only the time to live is another.
    assert!(machine.isolate(at(40), &inputs(5, 0)).is_none());
    assert_eq!(machine.view(at(10)).control_remaining, Some(30 * SECOND));
    let (role, told) = trial(&mut machine, 40);
    let told = told.unwrap();
    assert_eq!(
        (role, told.reason, told.to),
        (Role::Call, CircuitReason::TimeToLiveOver, CircuitState::Closed)
    );
    assert_eq!(machine.view(at(40)).control_remaining, None);

    assert!(machine.automatic(&inputs(41, 0)).is_none(), "nobody holds it");
    assert!(machine.bypass(Instant::NEVER, &inputs(41, 0)).is_some());
    assert_eq!((trial(&mut machine, 99).0, machine.view(at(99)).control_remaining), (Role::Passed, None));
    assert_eq!(machine.automatic(&inputs(99, 0)).unwrap().reason, CircuitReason::Automatic);
}

#[test]
fn what_never_ends_has_no_time_to_tell() {
    let endless = OpenTime { base: Duration::MAX, cap: Duration::MAX, ..settings().open_time };
    let machine = opened(Settings { open_time: endless, ..settings() }, 0);
    assert_eq!(machine.refusal(at(1)), Some(Refusal { until: Instant::NEVER, retry_after: None }));
    let patient = TrialRule { timeout: Duration::MAX, ..settings().trials };
    let mut machine = opened(Settings { trials: patient, ..settings() }, 0);
    assert!((0..2).all(|_| machine.admit(&inputs(10, 0)).0.is_ok()));
    assert_eq!(machine.refusal(at(99)), Some(Refusal { until: Instant::NEVER, retry_after: None }));
    assert!(machine.isolate(Instant::NEVER, &inputs(99, 0)).is_some());
    assert_eq!(machine.view(at(99)).control_remaining, None);
}

#[test]
fn it_is_idle_once_nothing_that_counts_is_recorded() {
    let time = Settings { window: Shape::Time { bucket: SECOND, buckets: 10 }, min_calls: 9, ..settings() };
    let mut machine = Machine::new(time, at(0));
    let idle = |machine: &mut Machine, seconds| {
        machine.advance(at(seconds));
        machine.is_idle(at(seconds))
    };
    machine.record(Role::Call, SUCCESS, &inputs(0, 0));
    assert!(idle(&mut machine, 0));
    machine.advance(at(1));
    machine.record(Role::Call, Recorded { failure: None, slow: true }, &inputs(1, 0));
    assert!(!idle(&mut machine, 10));
    assert!(idle(&mut machine, 11));
    machine.record(Role::Call, failure("503"), &inputs(11, 0));
    assert!(!idle(&mut machine, 20));
    assert!(idle(&mut machine, 21));

    let mut machine = Machine::new(Settings { window: Shape::Last(9), min_calls: 9, ..settings() }, at(0));
    machine.record(Role::Call, failure("503"), &inputs(1, 0));
    assert!(!idle(&mut machine, 60));
    assert!(idle(&mut machine, 61), "long ago");
    machine.record(Role::Call, Recorded { failure: None, slow: true }, &inputs(61, 0));
    assert!(!idle(&mut machine, 61));
    machine.push_successes(9);
    assert!(idle(&mut machine, 61), "no failure is left in the window");
}

#[test]
fn one_that_is_not_closed_is_idle_once_nobody_called_for_long() {
    // Open until 10, and a minute.
    let mut machine = opened(settings(), 0);
    assert_eq!([69, 70].map(|now| machine.is_idle(at(now))), [false, true]);
    let (role, _) = trial(&mut machine, 100);
    assert_eq!([159, 160].map(|now| machine.is_idle(at(now))), [false, true]);
    let _ = machine.record(role, SUCCESS, &inputs(130, 0));
    assert_eq!([189, 190].map(|now| machine.is_idle(at(now))), [false, true]);
    let endless = OpenTime { base: Duration::MAX, cap: Duration::MAX, ..settings().open_time };
    assert!(!opened(Settings { open_time: endless, ..settings() }, 0).is_idle(at(99_999)));
}

#[test]
fn what_a_hand_holds_is_not_idle_until_it_lets_go() {
    let mut machine = opened(settings(), 0);
    for hold in [Machine::isolate, Machine::bypass] {
        let _ = hold(&mut machine, Instant::NEVER, &inputs(10, 0));
        assert!(!machine.is_idle(at(99_999)));
        let _ = hold(&mut machine, at(500), &inputs(10, 0));
        assert_eq!([499, 500].map(|now| machine.is_idle(at(now))), [false, true]);
    }
    let _ = machine.reset(&inputs(10, 0));
    assert!(machine.is_idle(at(10)));
}

#[test]
fn failures_in_a_row_count_for_a_minute_if_they_may_become_an_outage() {
    let outage = Some(OutageRule { failures: 5, span: SECOND });
    let window = Shape::Time { bucket: SECOND, buckets: 10 };
    for (outage, idle_at) in [(outage, 80), (None, 30)] {
        let mut machine = Machine::new(Settings { window, outage, min_calls: 9, ..settings() }, at(0));
        for seconds in [0, 20] {
            machine.advance(at(seconds));
            machine.record(Role::Call, failure("503"), &inputs(seconds, 0));
        }
        for now in [29, 30, 79, 80] {
            machine.advance(at(now));
            assert_eq!(machine.is_idle(at(now)), now >= idle_at, "{now}");
        }
        machine.record(Role::Call, failure("503"), &inputs(80, 0));
        machine.record(Role::Call, SUCCESS, &inputs(80, 0));
        machine.advance(at(90));
        assert!(machine.is_idle(at(90)), "a success ends them");
    }
}

#[test]
fn a_new_window_while_half_open_takes_no_cause_along() {
    let trials = TrialRule { calls: 3, successes: 2, ..settings().trials };
    let before = Settings { trials, ..settings() };
    let mut machine = opened(before, 0);
    let roles = [(); 2].map(|()| machine.admit(&inputs(10, 0)).0.unwrap());
    assert!(machine.record(roles[0], failure("503"), &inputs(10, 0)).is_none());
    let after = Settings { window: Shape::Last(9), ..before };
    machine.reconfigure(after, &mut Spares::of(&after));
    let told = machine.record(roles[1], failure("timeout"), &inputs(10, 0)).unwrap();
    assert_eq!(told.evidence.causes.to_string(), "503 1, timeout 1");
}

#[test]
fn what_a_hand_closes_was_not_long_ago_an_episode() {
    let mut machine = opened(settings(), 0);
    let _ = machine.bypass(at(20), &inputs(10, 3));
    let (_, told) = machine.admit(&inputs(25, 8));
    assert_eq!(told.unwrap().episode.lasted, 25 * SECOND, "from the opening to the close");
    let _ = machine.bypass(at(40), &inputs(30, 8));
    let (_, told) = machine.admit(&inputs(41, 9));
    let episode = told.unwrap().episode;
    assert_eq!((episode.opened, episode.lasted, episode.rejected), (0, 11 * SECOND, 1));
}

#[test]
fn a_reset_while_closed_forgets_and_is_no_transition() {
    let mut machine = Machine::new(settings(), at(0));
    machine.record(Role::Call, failure("503"), &inputs(1, 0));
    let epoch = machine.epoch();
    assert!(machine.reset(&inputs(5, 0)).is_none());
    let view = machine.view(at(6));
    assert_eq!((view.in_state_for, view.reason, view.evidence), (6 * SECOND, None, Evidence::NONE));
    assert_eq!(machine.epoch(), epoch + 1, "calls from before are late");
    let mut machine = opened(settings(), 1);
    assert_eq!(machine.reset(&inputs(5, 0)).unwrap().reason, CircuitReason::Reset);
    assert_eq!(machine.view(at(6)).in_state_for, SECOND);
}

#[test]
fn other_settings_bring_along_what_they_need_and_nothing_else() {
    let mut machine = Machine::new(settings(), at(0));
    machine.record(Role::Call, failure("503"), &inputs(0, 0));
    let same_shape = Settings { min_calls: 2, ..settings() };
    machine.reconfigure(same_shape, &mut Spares::of(&same_shape));
    assert_eq!(machine.view(at(0)).evidence.counts.recorded, 1);
    let other_shape = Settings { window: Shape::Last(9), ..settings() };
    machine.reconfigure(other_shape, &mut Spares::of(&other_shape));
    assert_eq!(machine.view(at(0)).evidence.counts, Counts::default());
    assert!(machine.view(at(0)).evidence.causes.is_empty());

    let mut machine = opened(settings(), 0);
    let causes = machine.view(at(1)).evidence.causes;
    let (role, _) = trial(&mut machine, 10);
    let _ = machine.record(role, SUCCESS, &inputs(10, 0));
    let epoch = machine.epoch();
    machine.reconfigure(other_shape, &mut Spares::of(&other_shape));
    assert_eq!((machine.epoch(), machine.view(at(10)).trials_succeeded), (epoch, 1));
    let more_trials = Settings { trials: TrialRule { calls: 3, ..settings().trials }, ..other_shape };
    machine.reconfigure(more_trials, &mut Spares::of(&more_trials));
    assert_eq!((machine.epoch(), machine.view(at(10)).trials_succeeded), (epoch + 1, 0));
    assert_eq!(machine.view(at(10)).evidence.causes, causes);
    assert!((0..3).all(|_| machine.admit(&inputs(10, 0)).0.is_ok()));
    assert!(machine.admit(&inputs(10, 0)).0.is_err());
}
