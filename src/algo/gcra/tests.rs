use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::algo::keyed::Overflow;

const DAY: u64 = 86_400_000_000_000;
const MS: u64 = 1_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(DAY + nanos)
}

fn rate(interval: u64, burst: u32) -> Rate {
    Rate::new(interval, burst).unwrap()
}

fn cost(cost: u32) -> NonZeroU32 {
    NonZeroU32::new(cost).unwrap()
}

fn admits(bucket: &Bucket, nanos: u64) -> bool {
    bucket.admit(at(nanos), cost(1)).is_ok()
}

fn how_many(bucket: &Bucket, nanos: u64) -> usize {
    (0..1_000).take_while(|_| admits(bucket, nanos)).count()
}

mod one_limit {
    use super::*;

    #[test]
    fn rl_01_the_burst_is_exact() {
        let bucket = Bucket::new(rate(100 * MS, 5));
        assert_eq!(how_many(&bucket, 0), 5);
        assert_eq!(how_many(&bucket, 100 * MS - 1), 0);
        assert_eq!(how_many(&bucket, 100 * MS), 1);
        assert_eq!(how_many(&bucket, 300 * MS), 2);
    }

    #[test]
    fn rl_06_idle_time_does_not_overfill() {
        let bucket = Bucket::new(rate(100 * MS, 5));
        assert_eq!(how_many(&bucket, 0), 5);
        assert_eq!(how_many(&bucket, 365 * DAY), 5);
        // Nor does time before the first call.
        assert_eq!(how_many(&Bucket::new(rate(100 * MS, 5)), 365 * DAY), 5);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let bucket = Bucket::new(rate(100 * MS, 5));
        assert_eq!(how_many(&bucket, 1_000 * MS), 5);
        assert_eq!(how_many(&bucket, 0), 0);
        assert_eq!(bucket.admit(Instant::from_nanos(0), cost(1)), Err(Refusal::Until(at(1_100 * MS))));
        assert_eq!(how_many(&bucket, 1_100 * MS), 1);
    }

    #[test]
    fn a_cost_above_the_burst_is_refused_whatever_it_is() {
        for burst in [1, 5, u32::MAX] {
            let bucket = Bucket::new(rate(1, burst));
            for above in [burst.saturating_add(1), u32::MAX] {
                if above > burst {
                    assert_eq!(bucket.admit(at(0), cost(above)), Err(Refusal::AboveBurst));
                }
            }
            assert_eq!(bucket.admit(at(0), cost(burst)), Ok(()), "refusals take nothing");
        }
        let slow = Bucket::new(rate(Rate::MAX_REFILL / 2, 2));
        assert_eq!(slow.admit(at(0), cost(u32::MAX)), Err(Refusal::AboveBurst));
    }

    #[test]
    fn nothing_overflows_at_the_bounds() {
        let widest = [rate(Rate::MAX_REFILL, 1), rate(1, u32::MAX), rate(Rate::MAX_REFILL >> 32, u32::MAX)];
        for from in widest {
            for now in [Instant::from_nanos(0), at(0), Instant::from_nanos(u64::MAX / 2), Instant::NEVER] {
                let bucket = Bucket::new(from);
                assert_eq!(bucket.admit(now, cost(from.burst())), Ok(()));
                assert!(bucket.admit(now, cost(from.burst())).is_err());
                for to in widest {
                    bucket.set_rate(to, now);
                    let (rate, state) = bucket.read();
                    assert!(rate.remaining(rate.behind(state, u64::MAX), now) <= to.burst());
                    let _ = rate.turn(state, u64::MAX, now, now, to.burst());
                    let _ = bucket.admit(now, cost(to.burst()));
                    let _ = bucket.admit(Instant::NEVER, cost(1));
                }
            }
        }
    }

    #[test]
    fn a_rate_out_of_bounds_is_none() {
        assert_eq!(Rate::new(0, 1), None);
        assert_eq!(Rate::new(1, 0), None);
        assert_eq!(Rate::new(Rate::MAX_REFILL, 2), None);
        assert_eq!(Rate::new(u64::MAX, u32::MAX), None);
        assert!(Rate::new(Rate::MAX_REFILL, 1).is_some());
    }

    #[test]
    fn a_rate_is_read_as_it_was_set() {
        let bucket = Bucket::new(rate(1, 1));
        for interval in
            [1, 999_999_999, 1_000_000_000, 1_000_000_001, u64::from(u32::MAX) + 1, Rate::MAX_REFILL]
        {
            for burst in [1, 2, u32::MAX] {
                let Some(rate) = Rate::new(interval, burst) else { continue };
                assert_eq!((rate.interval(), rate.burst()), (interval, burst));
                assert_eq!(Bucket::new(rate).read(), (rate, 0));
                bucket.set_rate(rate, at(0));
                assert_eq!(bucket.read(), (rate, 0));
            }
        }
    }

    #[test]
    fn a_change_of_the_rate_keeps_the_cells_in_use() {
        // Used 4 of 10; the new burst leaves its own size less the same 4.
        for (interval, burst, left) in [(100, 20, 16), (1_000, 10, 6), (7, 5, 1), (100, 4, 0), (100, 1, 0)] {
            let bucket = Bucket::new(rate(100 * MS, 10));
            bucket.admit(at(0), cost(4)).unwrap();
            bucket.set_rate(rate(interval * MS, burst), at(0));
            let (now_rate, state) = bucket.read();
            assert_eq!(now_rate.remaining(state, at(0)), left, "{interval} {burst}");
            assert_eq!(how_many(&bucket, 0), left as usize);
        }
    }

    #[test]
    fn an_unused_limit_is_unused_under_any_rate() {
        let bucket = Bucket::new(rate(100 * MS, 10));
        bucket.admit(at(0), cost(10)).unwrap();
        bucket.set_rate(rate(1_000 * MS, 3), at(1_000 * MS));
        assert_eq!(how_many(&bucket, 1_000 * MS), 3);
    }

    #[test]
    fn cells_come_back_at_the_new_rate_from_the_change_on() {
        let bucket = Bucket::new(rate(1_000 * MS, 2));
        bucket.admit(at(0), cost(2)).unwrap();
        // Half of the first cell has come back; the other half takes half of the new interval.
        bucket.set_rate(rate(10 * MS, 2), at(500 * MS));
        assert_eq!(how_many(&bucket, 505 * MS - 1), 0);
        assert_eq!(how_many(&bucket, 505 * MS), 1);
        assert_eq!(how_many(&bucket, 515 * MS), 1);
    }
}

mod turns {
    use super::*;

    #[test]
    fn everyone_ahead_counts() {
        let rate = rate(100 * MS, 1);
        let state = at(100 * MS).as_nanos();
        for ahead in 0..5 {
            let due = at((ahead + 1) * 100 * MS);
            assert_eq!(rate.turn(state, ahead, at(0), at(0), 1), Turn::At(due));
            assert!(matches!(rate.turn(state, ahead, at(0), due, 1), Turn::Now { .. }));
        }
    }

    #[test]
    fn who_wakes_late_is_admitted_as_of_its_turn() {
        let rate = rate(100 * MS, 1);
        let state = at(100 * MS).as_nanos();
        assert_eq!(rate.turn(state, 0, at(0), at(130 * MS), 1), Turn::Now { as_of: at(100 * MS) });
    }

    #[test]
    fn who_wakes_far_too_late_is_not_sent_along_with_all_the_others() {
        assert!(!rate(100 * MS, 1).has_missed(at(100 * MS).as_nanos(), 0, at(200 * MS - 1), 1));
        assert!(rate(100 * MS, 1).has_missed(at(100 * MS).as_nanos(), 0, at(200 * MS), 1));
        // Slow rates: one interval is made good for, not more.
        let slow = rate(100 * MS, 1);
        let state = at(100 * MS).as_nanos();
        assert_eq!(slow.turn(state, 0, at(0), at(10_000 * MS), 1), Turn::Now { as_of: at(9_900 * MS) });
        // Fast rates: as much as a busy runtime may be late.
        let fast = rate(MS, 1);
        assert_eq!(fast.turn(state, 0, at(0), at(10_000 * MS), 1), Turn::Now { as_of: at(9_950 * MS) });
    }

    #[test]
    fn nobody_is_admitted_as_of_a_time_before_it_came() {
        let rate = rate(100 * MS, 1);
        assert_eq!(rate.turn(0, 0, at(40 * MS), at(60 * MS), 1), Turn::Now { as_of: at(40 * MS) });
    }
}

mod queue {
    use super::*;

    #[test]
    fn who_leaves_takes_its_cells_along() {
        let mut queue = Queue::default();
        let places: Vec<_> = [3, 1, 2].into_iter().map(|cost| queue.push(cost)).collect();
        assert_eq!((queue.len(), queue.cells()), (3, 6));
        assert_eq!(places.iter().map(|place| queue.ahead_of(*place)).collect::<Vec<_>>(), [0, 3, 4]);
        queue.remove(places[1]);
        assert_eq!((queue.ahead_of(places[2]), queue.cells()), (3, 5));
        queue.remove(places[1]);
        assert_eq!((queue.len(), queue.cells()), (2, 5), "nobody leaves twice");
        assert!(queue.is_first(places[0]) && !queue.is_first(places[2]));
        queue.remove(places[0]);
        assert!(queue.is_first(places[2]));
    }

    #[test]
    fn who_missed_its_turn_wants_nothing_until_it_shows_up() {
        let mut queue = Queue::default();
        let places: Vec<_> = [3, 1, 2, 5].into_iter().map(|cost| queue.push(cost)).collect();
        // The first two missed it, given what each finds ahead; the last is not asked.
        let mut asked = Vec::new();
        queue.show_up(places[3], |ahead, cost| {
            asked.push((ahead, cost));
            ahead < 4
        });
        assert_eq!(asked, [(0, 3), (3, 1), (4, 2)]);
        assert_eq!((queue.ahead_of(places[3]), queue.cells()), (2, 7));
        assert!(queue.is_first(places[2]) && !queue.is_first(places[0]));
        queue.show_up(places[1], |_, _| panic!("nobody else is ahead"));
        assert_eq!((queue.ahead_of(places[3]), queue.cells()), (3, 8));
        queue.remove(places[0]);
        assert_eq!(queue.cells(), 8, "what it wanted no longer counted");
        assert!(queue.is_first(places[1]));
    }

    #[test]
    fn a_waker_takes_the_place_of_another_one_only() {
        struct Other;
        impl std::task::Wake for Other {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        let mut queue = Queue::default();
        let (a, b) = (queue.push(1), queue.push(1));
        // Clones: each function that makes a waker may have a table of its own, by which they are told apart.
        let [one, other] = [(); 2].map(|()| std::task::Waker::from(std::sync::Arc::new(Other)).clone());
        assert!(queue.set_waker(a, &one).is_none() && queue.set_waker(a, &one).is_none());
        assert!(queue.set_waker(a, &other).is_some_and(|before| before.will_wake(&one)));
        assert!(queue.first().is_some_and(|first| first.will_wake(&other)));
        assert_eq!(queue.wakers().len(), 1, "nobody polled the other one");
        assert!(queue.set_waker(b, &one).is_none());
        assert!(queue.wakers()[0].will_wake(&other) && queue.wakers()[1].will_wake(&one));
        queue.remove(a);
        assert!(queue.set_waker(a, &one).is_none());
        assert_eq!(queue.wakers().len(), 1, "who left names nobody");
    }

    #[test]
    fn only_the_first_to_leave_names_a_successor() {
        let mut queue = Queue::default();
        let waker = std::task::Waker::noop();
        let places: Vec<_> = (0..3).map(|_| queue.push(1)).collect();
        assert!(queue.first().is_none(), "nobody named a waker yet");
        for place in &places {
            assert!(queue.set_waker(*place, waker).is_none());
        }
        assert!(matches!(queue.remove(places[1]), [Some(_), None]));
        assert!(matches!(queue.remove(places[0]), [Some(_), Some(_)]));
        assert!(matches!(queue.remove(places[2]), [Some(_), None]));
        assert!(matches!(queue.remove(places[2]), [None, None]));
    }
}

mod threads {
    use super::*;

    #[test]
    fn cells_in_use_are_exact_through_any_number_of_changes() {
        // The time stands still, so the cells in use are the calls admitted, whatever rate is in force.
        let rates = [rate(1_000, 50_000), rate(3_000, 60_000), rate(500, 40_000), rate(7_000, 70_000)];
        let bucket = Bucket::new(rates[0]);
        let (admitted, done) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|threads| {
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    threads.spawn(|| {
                        for _ in 0..10_000 {
                            admitted.fetch_add(u64::from(admits(&bucket, 0)), SeqCst);
                        }
                    })
                })
                .collect();
            threads.spawn(|| {
                while !done.load(SeqCst) {
                    rates.iter().for_each(|rate| bucket.set_rate(*rate, at(0)));
                }
            });
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            done.store(true, SeqCst);
        });
        let (rate, state) = bucket.read();
        assert_eq!(admitted.load(SeqCst), 30_000);
        assert_eq!(rate.burst() - rate.remaining(state, at(0)), 30_000);
    }
}

mod table {
    use super::*;

    /// A key of this shard.
    fn key(shard: u64, number: u64) -> u64 {
        (shard << 32) | number
    }

    #[test]
    fn keys_that_have_cells_in_use_stay() {
        let table = Table::new(rate(100 * MS, 2));
        let admit = |key, nanos| table.admit(key, at(nanos), cost(1), 4, Overflow::Reject);
        for shard in 0..4 {
            assert_eq!(admit(key(shard, 0), 0), (Ok(()), false));
        }
        // All are in use: the place that is free first is known.
        assert_eq!(admit(key(9, 9), 0), (Err(Refusal::Until(at(100 * MS))), true));
        assert_eq!(table.next_place(), at(100 * MS));
        // One is used again, the others fill up; one of them makes room, in another shard.
        assert_eq!(admit(key(0, 0), 50 * MS), (Ok(()), false));
        assert_eq!(admit(key(9, 9), 100 * MS), (Ok(()), false));
        assert_eq!(table.len(), 4);
        assert_eq!(admit(key(0, 0), 100 * MS), (Ok(()), false));
        assert_eq!(admit(key(0, 0), 100 * MS).0, Err(Refusal::Until(at(200 * MS))), "kept, not reset");
    }

    /// The time that its first call foretold was still told.
    #[test]
    fn rl_21_a_key_that_was_used_again_gives_way_later_and_says_so() {
        let table = Table::new(rate(100 * MS, 2));
        let admit = |key, nanos| table.admit(key, at(nanos), cost(1), 1, Overflow::Reject);
        assert_eq!(admit(key(0, 0), 0), (Ok(()), false));
        assert_eq!(admit(key(0, 0), 0), (Ok(()), false));
        assert_eq!(admit(key(9, 9), 0), (Err(Refusal::Until(at(200 * MS))), true));
        assert_eq!(table.read(key(9, 9), at(200 * MS - 1), 1, Overflow::Reject), None);
        assert_eq!(admit(key(9, 9), 200 * MS - 1), (Err(Refusal::Until(at(200 * MS))), true));
        assert!(table.read(key(9, 9), at(200 * MS), 1, Overflow::Reject).is_some());
        assert_eq!(admit(key(9, 9), 200 * MS), (Ok(()), false));
    }

    /// The first of them to fill up was taken for a place, and the call was refused.
    #[test]
    fn rl_22_a_table_that_holds_more_than_it_may_has_no_place_until_enough_keys_are_gone() {
        let table = Table::new(rate(100 * MS, 1));
        let admit = |key, nanos, max| table.admit(key, at(nanos), cost(1), max, Overflow::Reject);
        for (number, nanos) in [(0, 0), (1, 50 * MS), (2, 50 * MS)] {
            assert_eq!(admit(key(number, number), nanos, 3), (Ok(()), false));
        }
        assert_eq!(table.read(9, at(100 * MS), 2, Overflow::Reject), None, "one gone, and still full");
        assert_eq!(admit(9, 100 * MS, 2), (Err(Refusal::Until(at(150 * MS))), true));
        assert!(table.read(9, at(150 * MS), 2, Overflow::Reject).is_some());
        assert_eq!(admit(9, 150 * MS, 2), (Ok(()), false));
    }

    #[test]
    fn a_new_key_clears_up_a_little() {
        let table = Table::new(rate(100 * MS, 1));
        let admit = |key, nanos| table.admit(key, at(nanos), cost(1), 150, Overflow::Share).0.unwrap();
        (0..100).for_each(|number| admit(key(5, number), 0));
        assert_eq!(table.len(), 100);
        (100..110).for_each(|number| admit(key(5, number), 100 * MS));
        assert_eq!(table.len(), 90, "two go for each that comes");
        (110..200).for_each(|number| admit(key(5, number), 100 * MS));
        assert_eq!(table.sweep(at(200 * MS - 1)), 0);
        assert_eq!(table.sweep(at(200 * MS)), 100);
        assert_eq!((table.len(), table.next_place()), (0, Instant::NEVER));
    }

    #[test]
    fn what_was_admitted_and_the_rate_are_told() {
        let table = Table::new(rate(100 * MS, 2));
        let admit = |key| table.admit(key, at(0), cost(1), 2, Overflow::Share).0.is_ok();
        assert_eq!([1, 1, 1, 2, 3, 4, 5].map(admit), [true, true, false, true, true, true, false]);
        assert_eq!((table.admitted(), table.len()), (5, 2));
        assert_eq!(format!("{table:?}"), "Table { len: 2, .. }");
        table.set_rate(rate(MS, 7), at(0));
        assert_eq!(table.rate(), rate(MS, 7));
        // The shared limit is converted too: one of its two cells is in use.
        assert_eq!(
            table.read(9, at(0), 2, Overflow::Share).map(|(rate, state)| rate.remaining(state, at(0))),
            Some(5)
        );
        assert_eq!(table.read(9, at(0), 2, Overflow::Reject), None);
        assert_eq!(table.read(9, at(0), 3, Overflow::Reject), Some((rate(MS, 7), 0)));
    }

    #[test]
    fn refused_costs_take_no_place() {
        let table = Table::new(rate(100 * MS, 1));
        assert_eq!(table.admit(1, at(0), cost(2), 1, Overflow::Share), (Err(Refusal::AboveBurst), false));
        assert_eq!(table.len(), 0);
        table.admit(2, at(0), cost(1), 1, Overflow::Share).0.unwrap();
        assert_eq!(table.admit(1, at(0), cost(2), 1, Overflow::Reject).0, Err(Refusal::AboveBurst));
    }
}

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
