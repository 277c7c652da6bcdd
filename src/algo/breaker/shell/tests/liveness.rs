//! Whatever happened, and whatever never came back: a service that is healthy again is served again.

use proptest::prelude::*;

use super::*;

/// How often somebody calls, in milliseconds.
const TICK: u64 = 50;

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit,
    /// Ends one of the calls in flight, chosen by number. Those that nobody ends hang for ever.
    End(usize, Ending),
    Pass(u64),
    Isolate(Option<u64>),
    Bypass(Option<u64>),
    Automatic,
    Settings,
}

impl Op {
    fn of((kind, arg): (u8, u16)) -> Self {
        let time_to_live = (arg % 2 > 0).then_some(u64::from(arg % 2_000));
        match kind {
            0..130 => Self::Admit,
            130..200 => Self::End(usize::from(arg / 8), ENDINGS[usize::from(arg % 8)]),
            200..245 => Self::Pass(u64::from(arg % 1_000)),
            245..247 => Self::Isolate(time_to_live),
            247..249 => Self::Bypass(time_to_live),
            249..252 => Self::Automatic,
            252.. => Self::Settings,
        }
    }
}

const ENDINGS: [Ending; 8] = [
    FAILURE,
    FAILURE,
    FAILURE,
    Ending::Success,
    Ending::Throttled,
    Ending::Ignored,
    Ending::Cancelled { by_panic: false },
    Ending::Cancelled { by_panic: true },
];

/// Any settings whose times are within seconds.
fn any_settings() -> impl Strategy<Value = Settings> {
    any::<[u16; 12]>().prop_map(|numbers| {
        let mut numbers = numbers.into_iter().map(u64::from);
        let mut below = |bound: u64| numbers.next().expect("enough") % bound;
        let rate = |share: u64| Ratio::new("rate", (share + 1) as f64 / 10.0).expect("a share");
        let millis = |count: u64| Duration::from_millis(1 + count);
        let (calls, base) = (1 + below(8), below(1_000));
        let shapes = [Shape::Last(20), Shape::Time { bucket: millis(below(300)), buckets: 4 }];
        Settings {
            window: shapes[below(2) as usize],
            min_calls: 1 + below(6),
            failure_rate: rate(below(10)),
            outage: (below(2) > 0).then_some(OutageRule { failures: 3, span: millis(500) }),
            slow: (below(3) == 0).then_some(SlowRule { longer_than: millis(99), rate: rate(4) }),
            trials: TrialRule {
                calls: calls as u32,
                successes: 1 + (below(calls) as u32),
                timeout: millis(below(2_000)),
            },
            open_time: OpenTime {
                base: millis(base),
                factor: 1.5,
                cap: millis(base + below(1_000)),
                jitter: 0.25,
            },
            cancelled_after: (below(2) > 0).then_some(millis(100)),
        }
    })
}

/// A breaker after its history, and when that was over.
fn live(settings: [Settings; 2], history: &[(u8, u16)]) -> (Shell, u64) {
    let (shell, mut now, mut changes) = (shell(settings[0]), 1_000, 0);
    let mut in_flight = Vec::new();
    for op in history.iter().copied().map(Op::of) {
        let time = at(now);
        let until = |time_to_live: Option<u64>| time_to_live.map_or(Instant::NEVER, |ttl| at(now + ttl));
        match op {
            Op::Admit => in_flight.extend(admit(&shell, time).map(|ticket| (ticket, time))),
            Op::End(which, ending) if !in_flight.is_empty() => {
                let call = in_flight.swap_remove(which % in_flight.len());
                settle_as(&shell, call, ending, Mode::Enforce, time);
            }
            Op::End(..) => {}
            Op::Pass(millis) => now += millis,
            Op::Isolate(ttl) => drop(shell.isolate(until(ttl), time)),
            Op::Bypass(ttl) => drop(shell.bypass(until(ttl), time)),
            Op::Automatic => drop(shell.automatic(time)),
            Op::Settings => {
                changes += 1;
                drop(shell.reconfigure(settings[changes % 2], None, time));
            }
        }
    }
    // What is held by hand is let go of by hand.
    drop(shell.automatic(at(now)));
    drop(shell.reconfigure(settings[0], None, at(now)));
    (shell, now)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("seconds")
}

proptest! {
    #![proptest_config(crate::cases::of_each(10_000))]

    #[test]
    fn cb_47_a_healthy_service_is_served_again(
        first in any_settings(),
        second in any_settings(),
        history in prop::collection::vec(any::<(u8, u16)>(), 0..200),
    ) {
        let (shell, start) = live([first, second], &history);
        // One that was open already keeps the time that it was told then.
        let open = millis(first.open_time.cap.max(second.open_time.cap));
        let served_by = start + open + millis(first.trials.timeout) + TICK;
        let mut now = start;
        let mut ticket = admit(&shell, at(now));
        while ticket.is_err() && now < served_by {
            now += TICK.min(served_by - now);
            ticket = admit(&shell, at(now));
        }
        prop_assert!(ticket.is_ok(), "not served within {} ms: {:?}", served_by - start, shell.view_at(at(now)));
        // Every call is answered well from now on. Hung ones take up slots once more at most.
        let tries = u64::from(first.trials.calls + first.trials.successes) + 1;
        let closed_by = served_by + millis(first.trials.timeout) + tries * TICK;
        while shell.state() != CircuitState::Closed && now < closed_by {
            if let Ok(ticket) = ticket {
                settle(&shell, ticket, Ending::Success, at(now));
            }
            now += TICK;
            ticket = admit(&shell, at(now));
        }
        prop_assert_eq!(shell.state(), CircuitState::Closed, "not closed within {} ms", closed_by - start);
    }
}
