//! Random histories beside a token bucket as one would write it down.

use proptest::prelude::*;

use super::*;

/// A token bucket as one would write it down: tokens in nanoseconds, filled when looked at.
#[derive(Clone, Copy)]
struct Naive {
    interval: i128,
    burst: i128,
    level: i128,
    filled: u64,
}

impl Naive {
    fn new(rate: Rate) -> Self {
        let (interval, burst) = (rate.interval().into(), rate.burst().into());
        Self { interval, burst, level: interval * burst, filled: 0 }
    }

    fn fill(&mut self, now: Instant) {
        let now = now.as_nanos().max(self.filled);
        let level = self.level + i128::from(now - self.filled);
        (self.level, self.filled) = (level.min(self.interval * self.burst), now);
    }

    fn admit(&mut self, now: Instant, cost: u32) -> Result<(), Refusal> {
        if i128::from(cost) > self.burst {
            return Err(Refusal::AboveBurst);
        }
        self.fill(now);
        let missing = i128::from(cost) * self.interval - self.level;
        if missing > 0 {
            let until = u128::from(self.filled) + missing as u128;
            return Err(Refusal::Until(Instant::from_nanos(until as u64)));
        }
        self.level -= i128::from(cost) * self.interval;
        Ok(())
    }

    fn remaining(&mut self, now: Instant) -> u32 {
        self.fill(now);
        (self.level / self.interval).max(0) as u32
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.level == self.interval * self.burst
    }

    fn set_rate(&mut self, rate: Rate, now: Instant) {
        self.fill(now);
        let used = self.interval * self.burst - self.level;
        let (interval, burst) = (i128::from(rate.interval()), i128::from(rate.burst()));
        let used = (used * interval + self.interval - 1) / self.interval;
        (self.interval, self.burst, self.level) = (interval, burst, interval * burst - used);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Admit(u64, u32),
    Change(Rate),
}

/// Steps are drawn as plain numbers, which is many times faster than a strategy for each part.
fn one_of<T: Copy>(number: &mut u64, choices: &[T]) -> T {
    let count = choices.len() as u64;
    let choice = choices[(*number % count) as usize];
    *number /= count;
    choice
}

fn any_rate(mut number: u64) -> Rate {
    let widest = one_of(&mut number, &[100, 10_000 * MS]);
    let (interval, burst) = (1 + (number >> 16) % widest, 1 + (number % 1_000) as u32);
    let interval = one_of(&mut number, &[1_000_000_000, 333_333_333, interval]);
    rate(interval, one_of(&mut number, &[1, 3, burst]))
}

fn any_step(mut number: u64) -> Step {
    match one_of(&mut number, &[0, 0, 0, 0, 0, 0, 0, 1, 1, 2]) {
        0 => {
            let key = number % 6;
            number /= 6;
            let many = 1 + (number % 40) as u32;
            Step::Admit(key, one_of(&mut number, &[1, 1, 1, many]))
        }
        1 => {
            let pause = (number >> 16) % (1_000 * MS);
            Step::Pass(one_of(&mut number, &[0, 1, 100 * MS, 1_000 * MS, pause, pause % 100]))
        }
        _ => Step::Change(any_rate(number)),
    }
}

fn rates() -> impl Strategy<Value = Rate> {
    any::<u64>().prop_map(any_rate)
}

fn histories() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(any::<u64>(), 0..200)
}

fn pauses(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(
        any::<u64>().prop_map(|mut number| {
            let pause = (number >> 8) % (500 * MS);
            one_of(&mut number, &[0, 0, pause % 100, pause])
        }),
        count,
    )
}

proptest! {
    #![proptest_config(crate::cases::of_each(2_000))]

    #[test]
    fn rl_02_the_advertised_wait_is_exact(
        rate in rates(),
        used in proptest::collection::vec(any::<u64>(), 0..20),
        wanted in 1..1_000_u32,
    ) {
        let bucket = Bucket::new(rate);
        let mut now = at(0);
        for number in used {
            let _ = bucket.admit(now, cost(1 + (number % 50) as u32));
            now = now.saturating_add(Duration::from_nanos(number / 50 % (1_000 * MS)));
        }
        let wanted = cost(wanted.min(rate.burst()));
        if let Err(refusal) = bucket.admit(now, wanted) {
            let Refusal::Until(until) = refusal else { panic!("{refusal:?}") };
            prop_assert!(until > now);
            let just_before = Instant::from_nanos(until.as_nanos() - 1);
            prop_assert_eq!(bucket.admit(just_before, wanted), Err(Refusal::Until(until)));
            let (in_force, state) = bucket.read();
            prop_assert_eq!(in_force.due(state, wanted.get()), until);
            prop_assert_eq!(bucket.admit(until, wanted), Ok(()));
        }
    }

    #[test]
    fn rl_03_no_interval_holds_more_than_its_share(
        rate in rates(),
        pauses in pauses(0..200),
    ) {
        let bucket = Bucket::new(rate);
        let mut now = at(0);
        let mut admitted = Vec::new();
        for pause in pauses {
            now = now.saturating_add(Duration::from_nanos(pause));
            if bucket.admit(now, cost(1)).is_ok() {
                admitted.push(now.as_nanos());
            }
        }
        for (first, from) in admitted.iter().enumerate() {
            for (last, to) in admitted.iter().enumerate().skip(first) {
                let share = u64::from(rate.burst()) + (to - from).div_ceil(rate.interval());
                prop_assert!((last - first + 1) as u64 <= share, "{} in {} ns", last - first + 1, to - from);
            }
        }
    }

    #[test]
    fn one_limit_decides_as_a_token_bucket_does(start in rates(), history in histories()) {
        let (bucket, mut naive) = (Bucket::new(start), Naive::new(start));
        let mut now = at(0);
        for step in history.into_iter().map(any_step) {
            match step {
                Step::Pass(nanos) => now = now.saturating_add(Duration::from_nanos(nanos)),
                Step::Admit(_, n) => prop_assert_eq!(bucket.admit(now, cost(n)), naive.admit(now, n)),
                Step::Change(rate) => {
                    bucket.set_rate(rate, now);
                    naive.set_rate(rate, now);
                }
            }
            let (rate, state) = bucket.read();
            prop_assert_eq!(rate.remaining(state, now), naive.remaining(now));
        }
    }

    #[test]
    fn a_table_decides_as_a_token_bucket_per_key_does(
        start in rates(),
        history in histories(),
        max_keys in 1..6_u64,
        overflow in prop_oneof![Just(Overflow::Share), Just(Overflow::Reject)],
    ) {
        let table = Table::new(start);
        let mut own: Vec<_> = (0..6).map(|_| Naive::new(start)).collect();
        let mut shared = Naive::new(start);
        let mut now = at(0);
        for step in history.into_iter().map(any_step) {
            match step {
                Step::Pass(nanos) => now = now.saturating_add(Duration::from_nanos(nanos)),
                Step::Admit(key, n) => {
                    // Three keys in each of two shards.
                    let hash = ((key % 2) << 32) | key;
                    let (decision, overflowed) = table.admit(hash, now, cost(n), max_keys, overflow);
                    // A key with all cells free is the same as none: only the others need a place.
                    let in_use = own.iter_mut().filter_map(|limit| (!limit.is_full(now)).then_some(())).count();
                    let has_place = !own[key as usize].is_full(now) || (in_use as u64) < max_keys;
                    let expected = match (has_place, overflow) {
                        (true, _) => own[key as usize].admit(now, n),
                        (false, Overflow::Share) => shared.admit(now, n),
                        (false, Overflow::Reject) if i128::from(n) > shared.burst => Err(Refusal::AboveBurst),
                        (false, Overflow::Reject) => Err(Refusal::Until(table.next_place())),
                    };
                    prop_assert_eq!(decision, expected);
                    // What is refused for its cost looks for no place that it would not use.
                    prop_assert!(!overflowed || !has_place);
                    prop_assert!(table.len() <= max_keys);
                    prop_assert!(!overflowed || table.next_place() > now);
                }
                Step::Change(rate) => {
                    table.set_rate(rate, now);
                    own.iter_mut().chain([&mut shared]).for_each(|limit| limit.set_rate(rate, now));
                }
            }
            for (key, limit) in own.iter_mut().enumerate() {
                let hash = ((key as u64 % 2) << 32) | key as u64;
                if let (false, Some((rate, state))) = (limit.is_full(now), table.read(hash, now, max_keys, overflow)) {
                    prop_assert_eq!(rate.remaining(state, now), limit.remaining(now));
                }
            }
        }
    }
}
