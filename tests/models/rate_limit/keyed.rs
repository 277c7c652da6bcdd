//! Limits by key: a bucket for each, and one that those share who find no place.

use buttress::{KeyedRateLimitSnapshot, KeyedRateLimiter, Mode, Overflow, Quota};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::bucket::{Bucket, Lack, QUOTAS, at, told};
use super::lack;
use crate::history::{Draw, histories, histories_of_each, replay};
use crate::world::{Switch, Switched, World};

const KEYS: usize = 9;

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit(usize, u32),
    Pass(u64),
    Quota(Quota),
    MaxKeys(usize),
    Overflow(Overflow),
    Sweep,
    Switch(Switch),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(100) {
            0..65 => {
                let any = draw.below(8) as u32;
                Self::Admit(draw.below(KEYS as u64) as usize, draw.one_of(&[1, 1, 1, any]))
            }
            65..87 => Self::Pass(draw.millis(&[1, 100, 100, 2_000])),
            87..91 => Self::Quota(draw.one_of(&QUOTAS)),
            91..94 => Self::MaxKeys(1 + draw.below(8) as usize),
            94..96 => Self::Overflow(draw.one_of(&[Overflow::Share, Overflow::Reject])),
            96..98 => Self::Sweep,
            _ => Self::Switch(Switch::draw(&mut draw)),
        }
    }
}

/// A key whose cells are all free is the same as none: only the others need a place.
struct Model {
    own: [Bucket; KEYS],
    shared: Bucket,
    max_keys: usize,
    overflow: Overflow,
    switched: Switched,
    counts: Counts,
}

/// What a snapshot tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    admitted: u64,
    rate_limited: u64,
    cost_above_burst: u64,
    would_reject: u64,
    overflowed: u64,
}

impl Counts {
    fn of(snapshot: &KeyedRateLimitSnapshot) -> Self {
        Self {
            admitted: snapshot.admitted,
            rate_limited: snapshot.rate_limited,
            cost_above_burst: snapshot.cost_above_burst,
            would_reject: snapshot.would_reject,
            overflowed: snapshot.overflowed,
        }
    }
}

impl Model {
    fn new(quota: Quota, max_keys: usize) -> Self {
        let bucket = Bucket::new(quota);
        let (overflow, switched, counts) = (Overflow::Share, Switched::ENFORCES, Counts::default());
        Self { own: [bucket; KEYS], shared: bucket, max_keys, overflow, switched, counts }
    }

    fn in_use(&self, now: u64) -> usize {
        self.own.iter().filter(|bucket| !bucket.is_full(at(now))).count()
    }

    fn has_place(&self, key: usize, now: u64) -> bool {
        !self.own[key].is_full(at(now)) || self.in_use(now) < self.max_keys
    }

    /// Until the first key is as good as unused.
    fn next_place(&self, now: u64) -> u64 {
        let reset = |bucket: &Bucket| u64::try_from(bucket.peek(0, at(now))[3]).unwrap();
        self.own.iter().map(reset).filter(|reset| *reset > 0).min().unwrap()
    }

    fn admit(&mut self, key: usize, cost: u32, has_place: bool, now: u64) -> Result<(), Lack> {
        if cost == 0 {
            self.counts.admitted += 1;
            return Ok(());
        }
        self.counts.overflowed += u64::from(!has_place);
        let decision = match (has_place, self.overflow) {
            (true, _) => self.own[key].admit(cost, at(now)),
            (false, Overflow::Reject) if self.shared.lack(0, cost, at(now)) != Some(Lack::Ever) => {
                Err(Lack::For(self.next_place(now)))
            }
            (false, _) => self.shared.admit(cost, at(now)),
        };
        self.enforced(decision, now)
    }

    fn enforced(&mut self, decision: Result<(), Lack>, now: u64) -> Result<(), Lack> {
        match (decision, self.switched.at(now)) {
            (Err(Lack::For(_)), Mode::Enforce) => self.counts.rate_limited += 1,
            (Err(Lack::Ever), Mode::Enforce) => self.counts.cost_above_burst += 1,
            (decision, mode) => {
                self.counts.admitted += 1;
                self.counts.would_reject += u64::from(decision.is_err() && mode == Mode::DryRun);
                return Ok(());
            }
        }
        decision
    }
}

struct Pair {
    world: World,
    limiter: KeyedRateLimiter,
    model: Model,
    /// The key that was used last.
    latest: usize,
}

impl Pair {
    fn new(world: World, quota: Quota, max_keys: usize) -> Self {
        let limiter = KeyedRateLimiter::new(quota);
        limiter.set_max_keys(max_keys).unwrap();
        Self { world, limiter, model: Model::new(quota, max_keys), latest: 0 }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        match op {
            Op::Admit(key, cost) => {
                // While it holds more than it may, an unused key may be among those that it holds, or not.
                let is_known = self.limiter.len() <= self.model.max_keys;
                let ours = self.limiter.try_admit_n(&key, cost).map_err(lack);
                let may_overflow = self.model.own[key].is_full(at(now));
                let has_place = if is_known || !may_overflow {
                    self.model.has_place(key, now)
                } else {
                    self.limiter.snapshot().overflowed == self.model.counts.overflowed
                };
                self.latest = key;
                prop_assert_eq!(ours, self.model.admit(key, cost, has_place, now));
            }
            Op::Pass(millis) => self.world.pass(millis),
            Op::Quota(quota) => {
                self.limiter.set_quota(quota).unwrap();
                let buckets = self.model.own.iter_mut().chain([&mut self.model.shared]);
                buckets.for_each(|bucket| bucket.set_quota(quota, at(now)));
            }
            Op::MaxKeys(max_keys) => {
                self.limiter.set_max_keys(max_keys).unwrap();
                self.model.max_keys = max_keys;
            }
            Op::Overflow(overflow) => {
                self.limiter.set_overflow(overflow);
                self.model.overflow = overflow;
            }
            Op::Sweep => {
                let before = self.limiter.len();
                let gone = self.limiter.sweep();
                prop_assert_eq!(
                    (before - gone, self.limiter.len()),
                    (self.model.in_use(now), self.model.in_use(now))
                );
            }
            Op::Switch(switch) => self.model.switched = switch.carry_out(self.limiter.clone(), now),
        }
        self.compare()
    }

    fn compare(&self) -> TestCaseResult {
        let now = self.world.now;
        let ours = self.limiter.snapshot();
        prop_assert_eq!(Counts::of(&ours), self.model.counts);
        prop_assert_eq!(ours.mode, self.model.switched.at(now));
        prop_assert_eq!((ours.calls, ours.not_ready, ours.unlimited), (ours.admitted + ours.rejected, 0, 0));
        prop_assert!(self.model.in_use(now) <= ours.keys && ours.keys <= KEYS);
        for key in [self.latest, (self.latest + 1) % KEYS] {
            // Or for how many of them a new one has to wait.
            if ours.keys > ours.max_keys && self.model.own[key].is_full(at(now)) {
                continue;
            }
            let expected = match (self.model.has_place(key, now), self.model.overflow) {
                (true, _) => self.model.own[key].peek(0, at(now)),
                (false, Overflow::Share) => self.model.shared.peek(0, at(now)),
                (false, _) => {
                    let next = self.model.next_place(now).into();
                    [ours.quota.burst_size().into(), 0, next, next]
                }
            };
            prop_assert_eq!(told(self.limiter.peek(&key)), expected, "key {}", key);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn limits_by_key_do_what_their_model_does(
        quota in 0..QUOTAS.len(),
        max_keys in 1..8_usize,
        history in histories(),
    ) {
        World::run(|world| {
            let mut pair = Pair::new(world, QUOTAS[quota], max_keys);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
