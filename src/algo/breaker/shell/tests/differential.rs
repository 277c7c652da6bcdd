//! CB-46: whatever happens, the breaker and the model agree on every decision and every number.

use proptest::prelude::*;

use super::model::{Model, Permit};
use super::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit,
    /// Ends one of the calls in flight, chosen by number.
    End(usize, Ending),
    Pass(u64),
    Isolate(Option<u64>),
    Bypass(Option<u64>),
    Automatic,
    Reset,
    Mode(Mode),
    Settings(usize),
}

fn variants() -> [Settings; 4] {
    let usual = settings();
    let rate = |share| Ratio::new("rate", share).unwrap();
    let small = Settings {
        window: Shape::Last(3),
        min_calls: 2,
        trials: TrialRule { calls: 1, successes: 1, timeout: Duration::from_millis(700) },
        open_time: OpenTime { base: SECOND, factor: 2.0, cap: 3 * SECOND, jitter: 0.0 },
        cancelled_after: Some(Duration::from_millis(500)),
        ..usual
    };
    let timed = Settings {
        window: Shape::Time { bucket: Duration::from_millis(300), buckets: 4 },
        min_calls: 4,
        failure_rate: rate(0.6),
        outage: Some(OutageRule { failures: 3, span: SECOND }),
        trials: TrialRule { calls: 5, successes: 3, timeout: 2 * SECOND },
        open_time: OpenTime { base: SECOND, factor: 1.5, cap: 2 * SECOND, jitter: 0.0 },
        ..usual
    };
    let slow = Some(SlowRule { longer_than: Duration::from_millis(200), rate: rate(0.7) });
    [usual, small, timed, Settings { slow, cancelled_after: Some(SECOND), ..timed }]
}

impl Op {
    /// Two numbers stand for an operation: much faster to make than a tree of strategies, and what is small is
    /// simple, so failures still shrink.
    fn of((kind, arg): (u8, u16)) -> Self {
        let time_to_live = (arg % 3 > 0).then_some(u64::from(arg % 3_000));
        match kind {
            0..100 => Self::Admit,
            100..200 => Self::End(usize::from(arg / 16), ENDINGS[usize::from(arg % 16)]),
            200..215 => Self::Pass(u64::from(arg % 300)),
            215..230 => Self::Pass(u64::from(arg % 3_000)),
            230..240 => Self::Pass(u64::from(arg % 20_000)),
            240..242 => Self::Isolate(time_to_live),
            242..244 => Self::Bypass(time_to_live),
            244..246 => Self::Automatic,
            246..248 => Self::Reset,
            248..252 => Self::Mode(Mode::ALL[usize::from(arg % 8) % 5 % 3]),
            252.. => Self::Settings(usize::from(arg % 4)),
        }
    }
}

const ENDINGS: [Ending; 16] = {
    const S: Ending = Ending::Success;
    const F: Ending = FAILURE;
    const T: Ending = Ending::Throttled;
    const I: Ending = Ending::Ignored;
    const C: Ending = Ending::Cancelled { by_panic: false };
    const P: Ending = Ending::Cancelled { by_panic: true };
    [S, F, S, F, S, F, S, F, S, F, F, T, I, C, C, P]
};

struct Pair {
    shell: Shell,
    model: Model,
    mode: Mode,
    now: u64,
    in_flight: Vec<(Ticket, Instant, Permit)>,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        Self {
            shell: shell(settings),
            model: Model::new(settings),
            mode: Mode::Enforce,
            now: 1_000,
            in_flight: Vec::new(),
        }
    }

    fn run(&mut self, op: Op) -> Result<(), TestCaseError> {
        let (now, time) = (self.now, at(self.now));
        let until = |ttl: Option<u64>| ttl.map_or(u64::MAX, |ttl| now + ttl);
        let instant = |ttl: Option<u64>| ttl.map_or(Instant::NEVER, |ttl| at(now + ttl));
        match op {
            Op::Admit => self.admit()?,
            Op::End(which, ending) if !self.in_flight.is_empty() => {
                let (ticket, started, permit) = self.in_flight.swap_remove(which % self.in_flight.len());
                settle_as(&self.shell, (ticket, started), ending, self.mode, time);
                self.model.settle(permit, ending, now);
            }
            Op::End(..) => {}
            Op::Pass(millis) => self.now += millis,
            Op::Isolate(ttl) => {
                drop(self.shell.isolate(instant(ttl), time));
                self.model.isolate(until(ttl), now);
            }
            Op::Bypass(ttl) => {
                drop(self.shell.bypass(instant(ttl), time));
                self.model.bypass(until(ttl), now);
            }
            Op::Automatic => {
                drop(self.shell.automatic(time));
                self.model.automatic(now);
            }
            Op::Reset => {
                drop(self.shell.reset(time));
                self.model.reset(now);
            }
            Op::Mode(mode) => {
                self.mode = mode;
                self.model.set_mode(mode);
            }
            Op::Settings(which) => {
                drop(self.shell.reconfigure(variants()[which], None, time));
                self.model.reconfigure(variants()[which]);
            }
        }
        self.compare()
    }

    fn admit(&mut self) -> Result<(), TestCaseError> {
        let time = at(self.now);
        let foretold = self.shell.refusal_at(time).filter(|_| self.mode == Mode::Enforce);
        let admitted = match self.shell.admit_closed() {
            Some((ticket, _)) => Ok(ticket),
            None => self.shell.admit_at(time, self.mode).0,
        };
        match (admitted, self.model.admit(self.now)) {
            (Ok(ticket), Ok(permit)) => {
                prop_assert_eq!(foretold, None);
                self.in_flight.push((ticket, time, permit));
            }
            (Err(refusal), Err(wait)) => {
                self.shell.count_refused();
                prop_assert_eq!(foretold, Some(refusal));
                prop_assert_eq!(refusal.retry_after, wait.map(Duration::from_millis));
            }
            (ours, models) => prop_assert!(false, "{ours:?} but {models:?}"),
        }
        Ok(())
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let (view, totals) = self.shell.view_at(at(self.now));
        prop_assert_eq!(totals, self.model.totals);
        prop_assert_eq!((view.state, view.opened), (self.model.state(), self.model.opened));
        prop_assert_eq!(view.episodes, self.model.episodes);
        prop_assert_eq!(self.shell.state(), view.state);
        let (counts, in_a_row, trials, results) = self.model.shows(self.now);
        prop_assert_eq!(view.evidence.counts, counts);
        prop_assert_eq!(view.evidence.in_a_row, in_a_row);
        let resolved = view.trials_succeeded + view.trials_failed;
        prop_assert_eq!((view.trials_in_flight as usize, resolved as usize), (trials, results));
        let ended = totals.succeeded + totals.failed + totals.throttled + totals.ignored + totals.cancelled;
        prop_assert_eq!(totals.admitted, ended + self.in_flight.len() as u64);
        Ok(())
    }
}

proptest! {
    #![proptest_config(crate::cases::of_each(2_000))]

    #[test]
    fn cb_46_it_does_what_the_model_does(which in 0..4_usize, ops in prop::collection::vec(any::<(u8, u16)>(), 1..200)) {
        let mut pair = Pair::new(variants()[which]);
        for (number, op) in ops.into_iter().map(Op::of).enumerate() {
            pair.run(op).map_err(|e| TestCaseError::fail(format!("operation {number}, {op:?}: {e}")))?;
        }
    }
}
