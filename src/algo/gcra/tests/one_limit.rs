//! One limit, by itself.

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
    for interval in [1, 999_999_999, 1_000_000_000, 1_000_000_001, u64::from(u32::MAX) + 1, Rate::MAX_REFILL]
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
